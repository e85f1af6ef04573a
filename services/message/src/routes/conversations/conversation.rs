//! `/conversations/{id}`: look at, change.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::LOCATION,
    web::{self, Data, Path},
};
use http_kit::{
    JsonBody, Query, Rejection,
    rejection::ProblemBody,
    request::{get, resource},
};
use serde::Deserialize;

use crate::{
    chat::{
        change::{Answer, Change, Made},
        conversation::{Conversation, History, parse_name},
        conversation_id::parse_room_id,
    },
    error::Error,
    identity::caller::{Caller, Claim},
    log::write_error::WriteError,
    routes::{link, page::CURSOR},
    state::AppState,
};

pub(super) fn configure(config: &mut web::ServiceConfig) {
    config.service(
        resource("/conversations/{id}", "GET, HEAD, PATCH")
            .route(web::patch().to(update_conversation))
            .route(get().to(get_conversation)),
    );
}

/// What is to change about a conversation.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct ConversationUpdate {
    /// A new name: 1–80 characters; spaces around them do not count.
    #[schema(example = "Garden")]
    name: Option<String>,
    /// What members see of the time before they joined; groups only. It holds for all of them,
    /// whenever they came.
    history: Option<History>,
    /// Who changes it, where names are taken as given.
    #[serde(alias = "sender", alias = "username", alias = "senderId", alias = "userId")]
    #[schema(example = "alice")]
    user: Option<String>,
}

/// Rename a room or a group, or change what members see of the time before them. For owners.
#[utoipa::path(
    patch, path = "/conversations/{id}", tag = "conversations",
    request_body = ConversationUpdate,
    params(("id" = String, Path, description = "the conversation's id"), Claim),
    responses(
        (status = 200, description = "as it is now", body = Conversation),
        (status = 403, description = "not for you", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "no such conversation", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "a field is not acceptable", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn update_conversation(
    request: HttpRequest,
    state: Data<AppState>,
    id: Path<String>,
    claim: Query<Claim>,
    JsonBody(update): JsonBody<ConversationUpdate>,
) -> Result<HttpResponse, Rejection> {
    let claimed = update.user.as_deref().or(claim.user.as_deref());
    let caller = Caller::of(&state.identity, &request, claimed).await?;
    caller.require_user()?;
    let name = update.name.as_deref().map(parse_name).transpose()?;
    // Told by the form of the id: what is said does not depend on whether it exists.
    if update.history.is_some() && parse_room_id(&id).is_ok() {
        return Err(no_history());
    }
    let (actor, id) = (caller.actor(), id.into_inner());
    let change = Change::UpdateConversation { actor, id, name, history: update.history };
    let answer = state.writer.change(change).await.map_err(|error| {
        Error::from(error).because("only its owners change a conversation, and nobody a direct one")
    })?;
    answer_conversation(&state, &caller, answer).await
}

/// Look at one conversation.
#[utoipa::path(
    get, path = "/conversations/{id}", tag = "conversations",
    params(("id" = String, Path, description = "the conversation's id", example = "public"), Claim),
    responses(
        (status = 200, description = "the conversation", body = Conversation),
        (status = 404, description = "no such conversation, or not for you", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn get_conversation(
    request: HttpRequest,
    state: Data<AppState>,
    id: Path<String>,
    claim: Query<Claim>,
) -> Result<HttpResponse, Rejection> {
    let caller = Caller::of(&state.identity, &request, claim.user.as_deref()).await?;
    let (conversation, cursor) = state.store.conversation(caller.key(), &id).await??;
    Ok(HttpResponse::Ok().insert_header((CURSOR, cursor.to_string())).json(conversation))
}

/// Answers with a conversation as the caller sees it, after the writer has made or changed it.
pub(super) async fn answer_conversation(
    state: &AppState,
    caller: &Caller,
    answer: Answer,
) -> Result<HttpResponse, Rejection> {
    // The writer answers these changes with a conversation.
    let Answer::Conversation(card, made) = answer else {
        return Err(WriteError::Stopping.into());
    };
    let (conversation, _) = state.store.conversation(caller.key(), &card.id).await??;
    let mut response = HttpResponse::Ok();
    if made == Made::New {
        response = HttpResponse::Created();
        response.insert_header((LOCATION, link::conversation(&card.id)));
    }
    Ok(response.json(conversation))
}

/// A room cannot hide what was said before somebody came.
pub(super) fn no_history() -> Rejection {
    Rejection::field("history", "history_invalid", "in rooms everybody sees everything")
}
