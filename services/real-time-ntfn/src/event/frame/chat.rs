//! Frames in the dialect of `/sse/chat`: default events, direct messages only.

use std::time::Duration;

use common::{EventId, event::MESSAGE};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::{Frame, about_stream, of_log, transient};

/// What the dialect needs of a message.
#[derive(Deserialize)]
struct Message {
    #[serde(rename = "type")]
    kind: String,
    id: String,
    conversation_id: String,
    user: String,
    recipient: String,
    content: String,
    timestamp: String,
    status: Option<String>,
}

/// What a stream begins with.
pub fn connected(user: Option<&str>, cursor: EventId, retry: Duration) -> Frame {
    let data = json!({"type": "connected", "message": "Connected to chat stream", "userId": user});
    about_stream(MESSAGE, &data, Some(cursor), Some(retry))
}

/// Tells a client that the connection still works. Clients of the dialect look at nothing else in
/// it, so it also carries where to go on from, and when to return.
pub fn heartbeat(cursor: Option<EventId>, retry: Option<Duration>) -> Frame {
    let time = format!("{:.0}", Timestamp::now());
    let data = json!({"type": "heartbeat", "message": "ping", "time": time});
    about_stream(MESSAGE, &data, cursor, retry)
}

/// A direct message; nothing for all else.
pub fn entry(id: Option<EventId>, json: &[u8]) -> Option<Frame> {
    let message: Message = serde_json::from_slice(json).ok()?;
    if message.kind != MESSAGE {
        return None;
    }
    let object = json!({
        "id": message.id,
        "conversationId": message.conversation_id,
        "senderId": message.user,
        "receiverId": message.recipient,
        "text": message.content,
        "sentAt": message.timestamp,
        "status": message.status.as_deref().unwrap_or("sent"),
    });
    let json = object.to_string();
    Some(match id {
        Some(id) => of_log(id, MESSAGE, &json),
        None => transient(MESSAGE, &json),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::frame::Framing;

    #[test]
    fn a_direct_message_becomes_an_object_of_the_dialect_and_nothing_else_does() {
        let id: EventId = "20240101120000.123456".parse().unwrap();
        let message = json!({
            "type": "message", "id": id, "conversation_id": "dm:alice:bob", "seq": 1,
            "user": "alice", "recipient": "bob", "content": "hi\n", "timestamp": "t",
            "status": "sent",
        });
        let frame = entry(Some(id), message.to_string().as_bytes()).unwrap();
        let text = String::from_utf8(frame.bytes(Framing::Bare).to_vec()).unwrap();
        let (first, data) = text.trim_end().split_once("\ndata: ").unwrap();
        assert_eq!(first, "id: 20240101120000.123456");
        let object: serde_json::Value = serde_json::from_str(data).unwrap();
        assert_eq!(
            object,
            json!({
                "id": id, "conversationId": "dm:alice:bob", "senderId": "alice",
                "receiverId": "bob", "text": "hi\n", "sentAt": "t", "status": "sent",
            })
        );
        for other in [
            json!({"type": "typing", "conversation_id": "dm:alice:bob", "user": "alice"}),
            json!({"type": "message", "id": id, "conversation_id": "public", "user": "alice",
                   "content": "hi", "timestamp": "t"}),
            json!({"type": "reaction", "id": id}),
        ] {
            assert_eq!(entry(Some(id), other.to_string().as_bytes()), None, "{other}");
        }
    }
}
