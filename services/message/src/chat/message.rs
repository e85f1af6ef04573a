//! [`Message`]: what was said, as clients receive it.

use std::sync::Arc;

use common::{Audience, Event, EventId, Moment, event::MESSAGE};
use serde::Serialize;
use serde_json::value::to_raw_value;
use utoipa::ToSchema;

/// A stored message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Message {
    /// Always `message`.
    #[serde(rename = "type")]
    #[schema(example = "message")]
    pub kind: &'static str,
    /// Also the id of its event and a cursor: everything after it is newer.
    #[schema(value_type = String, example = "20240101120000.123456")]
    pub id: EventId,
    /// Where it was said.
    #[schema(example = "public")]
    pub conversation_id: String,
    /// Its number in the conversation: 1, 2, 3, … without gaps.
    #[schema(example = 42)]
    pub seq: u64,
    /// Who said it.
    #[schema(example = "alice")]
    pub user: String,
    /// What was said. Nothing is left of it when the message was deleted.
    #[schema(example = "Hello, world!")]
    pub content: String,
    /// When it was stored.
    #[schema(example = "2024-01-01T12:00:00.123456Z")]
    pub timestamp: String,
    /// How far it got.
    #[schema(example = "sent")]
    pub status: Status,
    /// The key under which its sender posted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub client_msg_id: Option<String>,
    /// The other one of a direct conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub recipient: Option<String>,
    /// The message it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pub reply_to: Option<EventId>,
    /// When its author last changed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub edited_at: Option<String>,
    /// Whether it was deleted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    pub deleted: bool,
    /// Users whom it names as `@name`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub mentions: Vec<String>,
    /// How users react to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub reactions: Vec<Reaction>,
}

/// How far a message got, judged by the other members' markers. In rooms it is `sent`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It is stored.
    #[default]
    Sent,
    /// It has reached all others.
    Delivered,
    /// All others have read it.
    Read,
}

/// A reaction, and who shares it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Reaction {
    /// The emoji.
    #[schema(example = "👍")]
    pub emoji: String,
    /// Names of the first 50 of them, in the order in which they reacted.
    pub users: Vec<String>,
    /// How many they are.
    #[schema(example = 1)]
    pub count: u64,
}

impl Message {
    /// A message with nothing special about it.
    pub fn new(
        id: EventId,
        said_at: Moment,
        conversation_id: String,
        seq: u64,
        user: String,
        content: String,
    ) -> Self {
        Self {
            kind: MESSAGE,
            id,
            conversation_id,
            seq,
            user,
            content,
            timestamp: said_at.to_string(),
            status: Status::Sent,
            client_msg_id: None,
            recipient: None,
            reply_to: None,
            edited_at: None,
            deleted: false,
            mentions: Vec::new(),
            reactions: Vec::new(),
        }
    }

    /// The event that tells everyone who may see the message.
    pub fn event(&self, audience: Arc<Audience>) -> Result<Event, serde_json::Error> {
        Ok(Event {
            id: self.id,
            kind: MESSAGE.to_owned(),
            audience,
            data: to_raw_value(self)?.into(),
            origin: None,
        })
    }
}
