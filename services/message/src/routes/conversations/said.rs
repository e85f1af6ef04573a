//! `/conversations/{id}/messages`: what is said in one conversation.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Data, Path},
};
use http_kit::{
    JsonBody, Query, Rejection,
    rejection::ProblemBody,
    request::{get, resource},
};

use crate::{
    chat::{message::Message, post::RawPost},
    identity::caller::{Caller, Claim},
    routes::{
        link,
        messages::{self, ListQuery},
        page::{DEFAULT_LIMIT, parse_limit},
    },
    state::AppState,
};

pub(super) fn configure(config: &mut web::ServiceConfig) {
    config.service(
        resource("/conversations/{id}/messages", "GET, HEAD, POST")
            .route(web::post().to(post_to_conversation))
            .route(get().to(list_conversation_messages)),
    );
}

/// List the messages of a conversation, as `GET /messages` does.
#[utoipa::path(
    get, path = "/conversations/{id}/messages", tag = "conversations",
    params(("id" = String, Path, description = "the conversation's id", example = "public"), ListQuery, Claim),
    responses(
        (status = 200, description = "messages, oldest first", body = [Message]),
        (status = 400, description = "a parameter is not acceptable", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "no such conversation, or not for you", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn list_conversation_messages(
    request: HttpRequest,
    state: Data<AppState>,
    id: Path<String>,
    query: Query<ListQuery>,
    claim: Query<Claim>,
) -> Result<HttpResponse, Rejection> {
    let caller = Caller::of(&state.identity, &request, claim.user.as_deref()).await?;
    let window = query.window()?;
    let limit = parse_limit(query.limit, DEFAULT_LIMIT)?;
    let base = format!("{}/messages?{}", link::conversation(&id), link::claim(&caller));
    messages::list(&state, &caller, &base, &id, window, limit).await
}

/// Post to a conversation, as `POST /messages` does.
#[utoipa::path(
    post, path = "/conversations/{id}/messages", tag = "conversations", request_body = RawPost,
    params(("id" = String, Path, description = "the conversation's id", example = "public"), Claim),
    responses(
        (status = 201, description = "stored", body = Message),
        (status = 200, description = "stored before under this key", body = Message),
        (status = 404, description = "no such conversation, or not for you", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "a field is not acceptable", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "not stored: send it again", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn post_to_conversation(
    request: HttpRequest,
    state: Data<AppState>,
    id: Path<String>,
    claim: Query<Claim>,
    JsonBody(mut raw): JsonBody<RawPost>,
) -> Result<HttpResponse, Rejection> {
    let elsewhere = raw.conversation_id.as_ref().is_some_and(|given| *given != *id);
    if elsewhere || raw.recipient.is_some() {
        return Err(Rejection::field(
            "conversation_id",
            "target_ambiguous",
            "the path says where: leave out recipient and conversation_id",
        ));
    }
    raw.conversation_id = Some(id.into_inner());
    raw.user = raw.user.or(claim.into_inner().user);
    messages::post(&state, &request, raw).await
}
