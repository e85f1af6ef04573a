//! The dialect's posts.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use http_kit::{JsonBody, Rejection};
use serde::Deserialize;
use serde_json::json;

use super::shape::{ConversationObject, MessageObject, UserId};
use crate::{
    change::{Answer, Made},
    conversation::Conversation,
    error::Error,
    post::RawPost,
    routes::{
        AppState,
        direct::{self, Pair},
        messages,
    },
    username::Username,
};

/// A private message.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewMessage {
    sender_id: Option<UserId>,
    receiver_id: Option<UserId>,
    text: Option<String>,
}

/// `POST /messages`.
pub(super) async fn post_message(
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
        ..RawPost::default()
    };
    let (message, made, allowance) = messages::submit(&state, &request, raw).await?;
    let mut response = match made {
        Made::New => HttpResponse::Created(),
        Made::Found => HttpResponse::Ok(),
    };
    if let Some(allowance) = allowance {
        allowance.describe(&mut response);
    }
    let key = Username::parse(&sender)?;
    let place = message.conversation_id.clone();
    let conversation = state.store.conversation(Some(key.key()), &place).await??;
    Ok(response.json(json!({
        "message": "Message created", "conversation": object(conversation),
        "messageObject": MessageObject::from(message),
    })))
}

/// Two users.
#[derive(Debug, Deserialize)]
pub(super) struct TwoUsers {
    user1: Option<UserId>,
    user2: Option<UserId>,
}

/// `POST /conversations/resolve`.
pub(super) async fn resolve(
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
        return Err(Error::Stopping.into());
    };
    let conversation = state.store.conversation(caller.key(), &card.id).await??;
    let mut response = if made == Made::New { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(response.json(json!({
        "message": "Conversation resolved", "conversation": object(conversation),
    })))
}

fn object(conversation: Conversation) -> ConversationObject {
    conversation.into()
}

fn missing(detail: &'static str) -> Rejection {
    Rejection::bad_request("field_missing", detail)
}
