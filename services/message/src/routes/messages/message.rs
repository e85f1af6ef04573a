//! `/messages/{id}`: read, edit, delete.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Data, Path},
};
use http_kit::{
    JsonBody, Query, Rejection,
    rejection::ProblemBody,
    request::{get, resource},
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    chat::{
        change::{Answer, Change},
        content,
        message::Message,
    },
    error::Error,
    identity::caller::{Caller, Claim},
    log::write_error::WriteError,
    routes::page::parse_id,
    state::AppState,
};

pub(super) fn configure(config: &mut web::ServiceConfig) {
    config.service(
        resource("/messages/{id}", "GET, HEAD, PATCH, DELETE")
            .route(get().to(get_message))
            .route(web::patch().to(edit_message))
            .route(web::delete().to(delete_message)),
    );
}

/// Read one message.
#[utoipa::path(
    get, path = "/messages/{id}", tag = "messages",
    params(("id" = String, Path, description = "the message's id", example = "20240101120000.123456"), Claim),
    responses(
        (status = 200, description = "the message", body = Message),
        (status = 400, description = "not an id", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "no such message", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn get_message(
    request: HttpRequest,
    state: Data<AppState>,
    id: Path<String>,
    claim: Query<Claim>,
) -> Result<HttpResponse, Rejection> {
    let caller = Caller::of(&state.identity, &request, claim.user.as_deref()).await?;
    let id = parse_id("id", &id)?;
    let message = state.store.message(caller.key(), id).await??;
    Ok(HttpResponse::Ok().json(message))
}

/// What an edit says.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Edit {
    /// What the message says from now on; as long as in a new one.
    #[serde(alias = "message", alias = "text")]
    #[schema(min_length = 1, example = "Hello, everyone!")]
    content: String,
    /// Who edits, where identities are taken as given.
    #[serde(default, alias = "sender", alias = "username", alias = "senderId")]
    #[schema(min_length = 1)]
    user: Option<String>,
}

/// Edit a message of one's own.
#[utoipa::path(
    patch, path = "/messages/{id}", tag = "messages", request_body = Edit,
    params(("id" = String, Path, description = "the message's id"), Claim),
    responses(
        (status = 200, description = "the message as it is now", body = Message),
        (status = 400, description = "not an id, or not JSON", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "who asks is not shown", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "another one's message", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "no such message", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "it has been deleted", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "body too large", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "not application/json", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "a field is not acceptable", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "not stored: send it again", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn edit_message(
    request: HttpRequest,
    state: Data<AppState>,
    id: Path<String>,
    claim: Query<Claim>,
    JsonBody(edit): JsonBody<Edit>,
) -> Result<HttpResponse, Rejection> {
    let claimed = edit.user.as_deref().or(claim.user.as_deref());
    let caller = Caller::of(&state.identity, &request, claimed).await?;
    caller.require_user()?;
    let message_id = parse_id("id", &id)?;
    let content = content::parse(&edit.content, state.max_content_chars)?;
    let change = Change::Edit { actor: caller.actor(), message_id, content };
    answer(&state, change, "only its author edits a message").await
}

/// Delete a message: one's own, or, as an admin, any. Its place stays.
#[utoipa::path(
    delete, path = "/messages/{id}", tag = "messages",
    params(("id" = String, Path, description = "the message's id"), Claim),
    responses(
        (status = 200, description = "what is left of the message", body = Message),
        (status = 400, description = "not an id", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "who asks is not shown", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "another one's message", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "no such message", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "the name is not acceptable", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "not stored: send it again", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn delete_message(
    request: HttpRequest,
    state: Data<AppState>,
    id: Path<String>,
    claim: Query<Claim>,
) -> Result<HttpResponse, Rejection> {
    let caller = Caller::of(&state.identity, &request, claim.user.as_deref()).await?;
    if !caller.admin {
        caller.require_user()?;
    }
    let message_id = parse_id("id", &id)?;
    let change = Change::Delete { actor: caller.actor(), message_id };
    answer(&state, change, "only its author deletes a message, or an admin").await
}

/// Has a change of a message made, and answers with what the message is then.
pub(super) async fn answer(
    state: &AppState,
    change: Change,
    who_may: &'static str,
) -> Result<HttpResponse, Rejection> {
    match state.writer.change(change).await.map_err(|error| Error::from(error).because(who_may))? {
        Answer::Message(message) => Ok(HttpResponse::Ok().json(message)),
        // The writer answers these changes with a message.
        _ => Err(WriteError::Stopping.into()),
    }
}
