//! `/users/{user}/conversations` and `/users/{user}/messages`: lists of one user, for that user.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Data, Path},
};
use http_kit::{
    Query, Rejection,
    rejection::ProblemBody,
    request::{get, resource},
};
use serde::Deserialize;

use crate::{
    chat::{
        conversation::Conversation,
        message::Message,
        post::not_you,
        username::{ME, Username},
    },
    identity::caller::{Caller, Claim},
    routes::{
        conversations::{self, ConversationsQuery},
        link,
        page::{
            CURSOR, DEFAULT_LIMIT, answer_with, bytes_of, describe_next, parse_id, parse_limit,
            refuse_after,
        },
    },
    state::AppState,
    store::Inbox,
};

pub(super) fn configure(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/users/{user}/conversations", "GET, HEAD")
                .route(get().to(list_user_conversations)),
        )
        .service(
            resource("/users/{user}/messages", "GET, HEAD").route(get().to(list_user_messages)),
        );
}

/// The user of a path as the caller: with a credential it has to be theirs; without one, where
/// names are taken as given, anybody may ask unless the name is protected. `me` is whoever asks.
pub(in crate::routes) async fn owner(
    state: &AppState,
    request: &HttpRequest,
    name: &str,
    claim: &Claim,
) -> Result<Caller, Rejection> {
    if name == ME {
        let caller = Caller::of(&state.identity, request, claim.user.as_deref()).await?;
        caller.require_user()?;
        return Ok(caller);
    }
    let name = Username::parse(name)?;
    let caller = Caller::of(&state.identity, request, Some(name.as_str())).await?;
    if caller.key() == Some(name.key()) { Ok(caller) } else { Err(not_you()) }
}

/// Where the lists of a user are, for whoever may see them.
fn lists_of(caller: &Caller) -> String {
    let name = caller.user.as_ref().map_or(ME, |user| &user.name);
    format!("/users/{}", link::encode(name))
}

/// List the conversations of a user, as `GET /conversations` does; for that user only.
#[utoipa::path(
    get, path = "/users/{user}/conversations", tag = "users",
    params(("user" = String, Path, description = "whose; me is whoever asks", example = "alice"), ConversationsQuery, Claim),
    responses(
        (status = 200, description = "conversations, newest activity first", body = [Conversation]),
        (status = 401, description = "the name has to be shown to be yours", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "you are somebody else", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn list_user_conversations(
    request: HttpRequest,
    state: Data<AppState>,
    user: Path<String>,
    query: Query<ConversationsQuery>,
    claim: Query<Claim>,
) -> Result<HttpResponse, Rejection> {
    let caller = owner(&state, &request, &user, &claim).await?;
    let base = format!("{}/conversations?", lists_of(&caller));
    conversations::list(&state, &caller, &base, &query).await
}

/// Which messages to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct InboxQuery {
    /// How many, 1–200; 50 without it.
    #[param(minimum = 1, maximum = 200, nullable = false)]
    limit: Option<u32>,
    /// Only those before this id.
    #[param(nullable = false)]
    before: Option<String>,
    #[param(ignore)]
    after: Option<String>,
}

/// List what others sent a user, in direct conversations and groups; for that user only. The
/// newest ones, oldest first.
#[utoipa::path(
    get, path = "/users/{user}/messages", tag = "users",
    params(("user" = String, Path, description = "whose; me is whoever asks", example = "alice"), InboxQuery, Claim),
    responses(
        (status = 200, description = "messages, oldest first", body = [Message], headers(
            ("X-Has-More" = bool, description = "there are older ones"),
            ("X-Event-Cursor" = String, description = "start a stream from here"),
            ("Link" = String, description = "rel=prev: older ones"),
        )),
        (status = 401, description = "the name has to be shown to be yours", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "you are somebody else", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn list_user_messages(
    request: HttpRequest,
    state: Data<AppState>,
    user: Path<String>,
    query: Query<InboxQuery>,
    claim: Query<Claim>,
) -> Result<HttpResponse, Rejection> {
    let caller = owner(&state, &request, &user, &claim).await?;
    let limit = parse_limit(query.limit, DEFAULT_LIMIT)?;
    refuse_after(query.after.as_deref())?;
    let before = query.before.as_deref().map(|at| parse_id("before", at)).transpose()?;
    let cursor = state.cursor().await?;
    let key = caller.key().unwrap_or_default();
    let inbox = Inbox { direct_only: false, before, skip: 0, limit };
    let (mut found, more) = state.store.inbox(key, inbox).await?;
    found.reverse();
    let next = found.first().filter(|_| more).map(|message| message.id);
    let mut response = HttpResponse::Ok();
    response.insert_header((CURSOR, cursor.to_string()));
    let base = format!("{}/messages?", lists_of(&caller));
    describe_next(&mut response, &base, next, limit, "prev");
    let bytes = bytes_of(&found);
    answer_with(response, found, bytes).await
}
