//! [`Message`]: what was said, as clients receive it.

use common::{
    Audience, Event, EventId,
    event::{MESSAGE, PUBLIC_ROOM},
};
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
    /// What was said.
    #[schema(example = "Hello, world!")]
    pub content: String,
    /// When it was stored.
    #[schema(example = "2024-01-01T12:00:00.123456Z")]
    pub timestamp: String,
    /// How far it got: `sent`.
    #[schema(example = "sent")]
    pub status: &'static str,
    /// The key under which its sender posted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub client_msg_id: Option<String>,
}

impl Message {
    /// A message with what follows from its id filled in.
    pub fn new(
        id: EventId,
        conversation_id: String,
        seq: u64,
        user: String,
        content: String,
        client_msg_id: Option<String>,
    ) -> Self {
        Self {
            kind: MESSAGE,
            id,
            conversation_id,
            seq,
            user,
            content,
            timestamp: id.timestamp(),
            status: "sent",
            client_msg_id,
        }
    }

    /// The event that tells everyone who may see the message.
    pub fn event(&self) -> Result<Event, serde_json::Error> {
        Ok(Event {
            id: self.id,
            kind: MESSAGE.to_owned(),
            audience: Audience::Room(PUBLIC_ROOM.to_owned()),
            data: to_raw_value(self)?.into(),
            origin: None,
        })
    }
}
