//! The dialect's posts.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use http_kit::{JsonBody, Rejection, rejection::ProblemBody};
use serde::Deserialize;
use utoipa::ToSchema;

use super::shape::{MadeMessage, Resolved, UserId};
use crate::{
    chat::{
        change::{Answer, Made},
        post::RawPost,
        username::Username,
    },
    log::write_error::WriteError,
    routes::{
        conversations::direct::{self, Pair},
        messages::{self, REPLAYED},
    },
    state::AppState,
};

/// A private message.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewMessage {
    /// Who says it.
    #[schema(required = true, nullable = false)]
    sender_id: Option<UserId>,
    /// To whom.
    #[schema(required = true, nullable = false)]
    receiver_id: Option<UserId>,
    /// What is said: 1–4,000 characters, or as many as `MAX_CONTENT_CHARS` says; spaces around them
    /// do not count.
    #[schema(required = true, nullable = false, min_length = 1, example = "Hello!")]
    text: Option<String>,
    /// Chosen by the client: a repeat with the same one returns the first message. The header
    /// `Idempotency-Key` does the same.
    #[serde(alias = "client_msg_id")]
    #[schema(min_length = 1, max_length = 128)]
    client_msg_id: Option<String>,
}

/// Send a private message.
#[utoipa::path(
    post, path = "/TaskMgt/api/messages", tag = "dialect", request_body = NewMessage,
    responses(
        (status = 201, description = "stored", body = MadeMessage),
        (status = 200, description = "stored before under this Idempotency-Key", body = MadeMessage),
        (status = 404, description = "no such user", body = ProblemBody, content_type = "application/problem+json"),
        (status = 507, description = "not stored: the disk is full", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn post_message(
    request: HttpRequest,
    state: Data<AppState>,
    JsonBody(new): JsonBody<NewMessage>,
) -> Result<HttpResponse, Rejection> {
    let (Some(sender), Some(receiver), Some(text)) = (new.sender_id, new.receiver_id, new.text)
    else {
        return Err(missing("senderId, receiverId and text are required"));
    };
    let (sender, receiver) = (sender.into_name(), receiver.into_name());
    let raw = RawPost {
        content: text,
        user: Some(sender.clone()),
        recipient: Some(receiver),
        client_msg_id: new.client_msg_id,
        ..RawPost::default()
    };
    let (message, made) = messages::submit(&state, &request, raw).await?;
    let mut response = match made {
        Made::New => HttpResponse::Created(),
        Made::Found => {
            let mut response = HttpResponse::Ok();
            response.insert_header((REPLAYED, "true"));
            response
        }
    };
    let key = Username::parse(&sender)?;
    let place = message.conversation_id.clone();
    let (conversation, _) = state.store.conversation(Some(key.key()), &place).await??;
    Ok(response.json(MadeMessage::new(conversation, message)))
}

/// Two users.
#[derive(Debug, Deserialize, ToSchema)]
pub struct TwoUsers {
    /// One of them.
    #[schema(required = true, nullable = false)]
    user1: Option<UserId>,
    /// The other one.
    #[schema(required = true, nullable = false)]
    user2: Option<UserId>,
}

/// Find the conversation of two users, or make it.
#[utoipa::path(
    post, path = "/TaskMgt/api/conversations/resolve", tag = "dialect", request_body = TwoUsers,
    responses(
        (status = 201, description = "made", body = Resolved),
        (status = 200, description = "found", body = Resolved),
        (status = 404, description = "no such user", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn resolve(
    request: HttpRequest,
    state: Data<AppState>,
    JsonBody(two): JsonBody<TwoUsers>,
) -> Result<HttpResponse, Rejection> {
    let (Some(one), Some(other)) = (two.user1, two.user2) else {
        return Err(missing("user1 and user2 are required"));
    };
    let pair =
        Pair { user: Some(one.into_name()), recipient: Some(other.into_name()), ..Pair::default() };
    let (caller, answer) = direct::resolve(&state, &request, pair).await?;
    let Answer::Conversation(card, made) = answer else {
        return Err(WriteError::Stopping.into());
    };
    let (conversation, _) = state.store.conversation(caller.key(), &card.id).await??;
    let mut response = if made == Made::New { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(response.json(Resolved::from(conversation)))
}

fn missing(detail: &'static str) -> Rejection {
    Rejection::bad_request("field_missing", detail)
}
