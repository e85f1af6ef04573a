//! What the dialect's objects look like.

use common::EventId;
use http_kit::Rejection;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::chat::{
    conversation::Conversation,
    conversation_id::direct_keys,
    message::{Message, Status},
};

/// Which part of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) skip: u32,
    pub(super) limit: u32,
}

/// The same as it is written.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PartQuery {
    /// How many of the newest to leave out.
    #[param(nullable = false, value_type = Option<u64>, minimum = 0, maximum = 4294967295u32)]
    skip: Option<String>,
    /// How many, 1–100.
    #[param(nullable = false, value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
}

impl PartQuery {
    /// A `skip` from 0 and a `limit` of 1 to 100.
    pub(super) fn parse(&self, default_limit: u32) -> Result<Part, Rejection> {
        let number = |text: &Option<String>, default| match text {
            None => Ok(default),
            Some(text) => text.trim().parse(),
        };
        let skip = number(&self.skip, 0)
            .map_err(|_| Rejection::bad_request("invalid_skip", "skip is a number from 0"))?;
        match number(&self.limit, default_limit) {
            Ok(limit @ 1..=100) => Ok(Part { skip, limit }),
            _ => Err(Rejection::bad_request("invalid_limit", "limit is a number from 1 to 100")),
        }
    }
}

/// An id of a user: a name, which may be written as a number. Spaces around it do not count.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged, expecting = "expected a name, or a number")]
pub enum UserId {
    /// A name.
    Text(String),
    /// A name that is a number.
    Number(i64),
}

impl UserId {
    /// The name.
    pub(super) fn into_name(self) -> String {
        match self {
            Self::Text(name) => name,
            Self::Number(number) => number.to_string(),
        }
    }
}

/// A message.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MessageObject {
    #[schema(value_type = String, example = "20240101120000.123456")]
    id: EventId,
    conversation_id: String,
    sender_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    receiver_id: Option<String>,
    text: String,
    sent_at: String,
    status: Status,
}

impl From<Message> for MessageObject {
    fn from(message: Message) -> Self {
        Self {
            id: message.id,
            conversation_id: message.conversation_id,
            sender_id: message.user,
            receiver_id: message.recipient,
            text: message.content,
            sent_at: message.timestamp,
            status: message.status,
        }
    }
}

/// A direct conversation.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConversationObject {
    id: String,
    user_a: String,
    user_b: String,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    last_message: Option<MessageObject>,
    unread_count: u64,
}

impl From<Conversation> for ConversationObject {
    fn from(conversation: Conversation) -> Self {
        let (user_a, user_b) = sides(&conversation);
        Self {
            user_a,
            user_b,
            id: conversation.card.id,
            created_at: conversation.card.created_at,
            last_message: conversation.last_message.map(MessageObject::from),
            unread_count: conversation.unread,
        }
    }
}

/// The names of the two, in the order in which the id has them.
fn sides(conversation: &Conversation) -> (String, String) {
    let mut names = conversation.card.members.iter().flatten().map(|member| member.user.clone());
    if let (Some(one), Some(other)) = (names.next(), names.next()) {
        return (one, other);
    }
    let (one, other) = direct_keys(&conversation.card.id).unwrap_or_default();
    (one.to_owned(), other.to_owned())
}

/// A list of messages.
#[derive(Debug, Serialize, ToSchema)]
pub struct MessageList {
    message: &'static str,
    count: usize,
    messages: Vec<MessageObject>,
}

impl From<Vec<Message>> for MessageList {
    fn from(messages: Vec<Message>) -> Self {
        let messages: Vec<_> = messages.into_iter().map(MessageObject::from).collect();
        Self { message: "Messages retrieved", count: messages.len(), messages }
    }
}

/// A list of conversations.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConversationList {
    message: &'static str,
    count: usize,
    conversations: Vec<ConversationObject>,
}

impl From<Vec<Conversation>> for ConversationList {
    fn from(conversations: Vec<Conversation>) -> Self {
        let conversations: Vec<_> =
            conversations.into_iter().map(ConversationObject::from).collect();
        Self { message: "Conversations retrieved", count: conversations.len(), conversations }
    }
}

/// The answer to a private message.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MadeMessage {
    message: &'static str,
    conversation: ConversationObject,
    message_object: MessageObject,
}

impl MadeMessage {
    /// A message in its conversation.
    pub fn new(conversation: Conversation, message: Message) -> Self {
        let (conversation, message_object) = (conversation.into(), message.into());
        Self { message: "Message created", conversation, message_object }
    }
}

/// The conversation of two users.
#[derive(Debug, Serialize, ToSchema)]
pub struct Resolved {
    message: &'static str,
    conversation: ConversationObject,
}

impl From<Conversation> for Resolved {
    fn from(conversation: Conversation) -> Self {
        Self { message: "Conversation resolved", conversation: conversation.into() }
    }
}
