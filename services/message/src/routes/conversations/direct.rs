//! `POST /conversations/resolve`: the direct conversation of two users.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Data},
};
use http_kit::{JsonBody, Query, Rejection, rejection::ProblemBody, request::resource};
use serde::Deserialize;

use super::conversation::answer_conversation;
use crate::{
    chat::{
        change::{Answer, Change},
        conversation::Conversation,
        post::not_you,
        username::Username,
    },
    identity::caller::{Caller, Claim},
    state::AppState,
};

pub(super) fn configure(config: &mut web::ServiceConfig) {
    config
        .service(resource("/conversations/resolve", "POST").route(web::post().to(resolve_direct)));
}

/// The two users of a direct conversation. One of them is the caller; with a credential the
/// caller's name can be left out.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
pub struct Pair {
    /// One of them. Also read from `user1`, `username`, `sender` and `senderId`.
    #[serde(alias = "user1", alias = "sender", alias = "username", alias = "senderId")]
    #[schema(example = "alice")]
    pub(in crate::routes) user: Option<String>,
    /// The other one. Also read from `user2`, `to` and `receiverId`.
    #[serde(alias = "user2", alias = "to", alias = "receiverId")]
    #[schema(example = "bob")]
    pub(in crate::routes) recipient: Option<String>,
    /// Both, instead.
    pub(in crate::routes) users: Option<Vec<String>>,
}

/// Find the direct conversation of two users, or make it.
#[utoipa::path(
    post, path = "/conversations/resolve", tag = "conversations", request_body = Pair,
    params(Claim),
    responses(
        (status = 201, description = "made", body = Conversation),
        (status = 200, description = "found", body = Conversation),
        (status = 401, description = "say who you are", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "you are neither of them", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "no such user", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "a field is not acceptable", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn resolve_direct(
    request: HttpRequest,
    state: Data<AppState>,
    claim: Query<Claim>,
    JsonBody(mut pair): JsonBody<Pair>,
) -> Result<HttpResponse, Rejection> {
    if pair.users.is_none() {
        pair.user = pair.user.or(claim.into_inner().user);
    }
    let (caller, answer) = resolve(&state, &request, pair).await?;
    answer_conversation(&state, &caller, answer).await
}

/// Finds or makes the conversation, for whichever of the two the caller is.
pub(in crate::routes) async fn resolve(
    state: &AppState,
    request: &HttpRequest,
    pair: Pair,
) -> Result<(Caller, Answer), Rejection> {
    let names = pair.names()?;
    let (caller, other) = sides(state, request, names).await?;
    let user = caller.require_user()?.clone();
    let change = Change::ResolveDirect { user, other, invites_guests: state.identity.is_open() };
    let answer = state.writer.change(change).await?;
    Ok((caller, answer))
}

/// Who of the two asks, and who is the other one.
async fn sides(
    state: &AppState,
    request: &HttpRequest,
    (first, second): (Option<Username>, Username),
) -> Result<(Caller, Username), Rejection> {
    let shown = Caller::of(&state.identity, request, None).await?;
    let Some(first) = first else {
        return Ok((shown, second));
    };
    match shown.key() {
        Some(key) if key == first.key() => Ok((shown, second)),
        Some(key) if key == second.key() => Ok((shown, first)),
        Some(_) => Err(not_you()),
        // A credential of nobody, such as an operator's, is neither of them.
        None if shown.shown || shown.admin => Err(not_you()),
        None => Ok((Caller::of(&state.identity, request, Some(first.as_str())).await?, second)),
    }
}

impl Pair {
    /// One of them, if it was said, and the other one.
    fn names(self) -> Result<(Option<Username>, Username), Rejection> {
        let (first, second) = match (self.users.as_deref(), self.user, self.recipient) {
            (Some([one, other]), None, None) => (Some(one.clone()), Some(other.clone())),
            (None, user, recipient) => (user, recipient),
            _ => {
                return Err(Rejection::field("users", "users_invalid", "send two names in users"));
            }
        };
        let missing =
            || Rejection::field("recipient", "recipient_missing", "say with whom, in recipient");
        let first = first.map(|name| Username::parse(&name)).transpose()?;
        let second = second.ok_or_else(missing)?;
        let second = Username::parse_field("recipient", &second)?;
        Ok((first, second))
    }
}
