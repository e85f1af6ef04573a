//! [`Refusals`]: the part of an API's description that is the same for every operation.

use common::problem;
use utoipa::{
    Modify, PartialSchema, ToSchema,
    openapi::{
        ComponentsBuilder, ContentBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder,
        path::{Operation, PathItem},
    },
};

use crate::rejection::{FieldErrorBody, ProblemBody};

/// What any operation may be refused with, unless it says so itself, in words of its own.
const ANY: [(&str, &str); 5] = [
    ("400", "a parameter is not acceptable, or the body is not JSON"),
    ("401", "who asks is not shown"),
    ("403", "the credential is for somebody else, or the page's origin is not allowed"),
    ("422", "a name or a field is not acceptable"),
    ("503", "not now: see Retry-After"),
];

/// What an operation with a body may be refused with besides.
const WITH_BODY: [(&str, &str); 3] = [
    ("408", "the body came too slowly"),
    ("413", "body too large"),
    ("415", "not application/json"),
];

/// Adds the refusals that handlers do not give themselves: those of extractors and of whoever
/// finds out who asks.
pub struct Refusals;

impl Modify for Refusals {
    fn modify(&self, api: &mut OpenApi) {
        for item in api.paths.paths.values_mut() {
            for operation in operations(item) {
                let with_body = operation.request_body.is_some();
                let more = WITH_BODY.iter().filter(|_| with_body);
                for (status, words) in ANY.iter().chain(more) {
                    let responses = &mut operation.responses.responses;
                    responses
                        .entry((*status).to_owned())
                        .or_insert_with(|| RefOr::T(refusal(words)));
                }
            }
        }
        let components = api.components.take().unwrap_or_default();
        let components = ComponentsBuilder::from(components)
            .schema(ProblemBody::name(), ProblemBody::schema())
            .schema(FieldErrorBody::name(), FieldErrorBody::schema());
        api.components = Some(components.build());
    }
}

/// Adds to whatever changes something that it may come too often, as
/// [`RateLimit::limit_changes`](crate::RateLimit::limit_changes) says.
pub struct LimitedChanges;

impl Modify for LimitedChanges {
    fn modify(&self, api: &mut OpenApi) {
        for item in api.paths.paths.values_mut() {
            let changes = [&mut item.put, &mut item.post, &mut item.delete, &mut item.patch];
            for operation in changes.into_iter().flatten() {
                let responses = &mut operation.responses.responses;
                let refusal = || RefOr::T(refusal("too much at once: see Retry-After"));
                responses.entry("429".to_owned()).or_insert_with(refusal);
            }
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch]
        .into_iter()
        .flatten()
}

fn refusal(words: &str) -> Response {
    let content =
        ContentBuilder::new().schema(Some(Ref::from_schema_name(ProblemBody::name()))).build();
    ResponseBuilder::new().description(words).content(problem::CONTENT_TYPE, content).build()
}
