//! What the events say that are no messages: the JSON that clients receive.
//!
//! Each carries the state that it leads to, not only the step, so that applying one twice, or
//! after a fresh load, changes nothing.

use common::{EventId, event::SESSION};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    conversation::Card,
    member::Role,
    message::{Message, Reaction},
};

/// Event types of this service, besides messages and sessions.
pub mod kind {
    pub use common::event::{MESSAGE_DELETED, MESSAGE_UPDATED};

    /// Someone has reacted to a message, or taken that back.
    pub const REACTION: &str = "reaction";
    /// A conversation is new for someone, has changed, or is theirs no more.
    pub const CONVERSATION: &str = "conversation";
    /// Someone has come, gone, or become something else.
    pub const MEMBER: &str = "member";
}

/// What happened to a conversation, for those who are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ConversationAction {
    /// It was made, with them in it.
    Created,
    /// It is called something else, or follows another rule.
    Updated,
    /// They are a member now.
    Joined,
    /// They are one no more.
    Left,
}

/// What happened to a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MemberAction {
    /// They came.
    Joined,
    /// They left, or were removed.
    Left,
    /// They have another role.
    Role,
}

/// `message_updated` and `message_deleted`.
pub fn message_changed(kind: &str, id: EventId, message: &Message) -> Value {
    json!({
        "type": kind, "id": id, "conversation_id": message.conversation_id, "message": message,
    })
}

/// `reaction`, with all reactions to the message as they are now.
pub fn reaction(
    id: EventId,
    conversation_id: &str,
    message_id: EventId,
    user: &str,
    emoji: &str,
    added: bool,
    reactions: &[Reaction],
) -> Value {
    json!({
        "type": kind::REACTION, "id": id, "conversation_id": conversation_id,
        "message_id": message_id, "user": user, "emoji": emoji,
        "action": if added { "added" } else { "removed" }, "reactions": reactions,
    })
}

/// `conversation`.
pub fn conversation(id: EventId, action: ConversationAction, card: &Card) -> Value {
    json!({
        "type": kind::CONVERSATION, "id": id, "conversation_id": card.id,
        "action": action, "conversation": card,
    })
}

/// `member`; `role` unless they left, `by` unless they did it themselves.
pub fn member(
    id: EventId,
    conversation_id: &str,
    user: &str,
    action: MemberAction,
    role: Option<Role>,
    by: Option<&str>,
) -> Value {
    let mut event = json!({
        "type": kind::MEMBER, "id": id, "conversation_id": conversation_id,
        "user": user, "action": action,
    });
    if let Some(role) = role {
        event["role"] = json!(role);
    }
    if let Some(by) = by {
        event["by"] = json!(by);
    }
    event
}

/// `session`: for the notification service only.
pub fn session(id: EventId, user_key: &str, epoch: u64, reason: &str) -> Value {
    json!({"type": SESSION, "id": id, "user": user_key, "epoch": epoch, "reason": reason})
}
