//! [`Wire`]: the formats in which streams are written.

use std::time::Duration;

use bytes::Bytes;
use common::{Event, EventId, event::MESSAGE};
use serde_json::{Value, json};

use super::frame;

/// How a stream is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// Server-sent events.
    Sse,
    /// WebSocket text frames with the same JSON.
    Ws,
    /// Server-sent events in the dialect of `/sse/chat`: direct messages only, all of them default
    /// events.
    Chat,
}

impl Wire {
    /// In the metrics.
    pub const fn transport(self) -> &'static str {
        match self {
            Self::Sse => "sse",
            Self::Ws => "ws",
            Self::Chat => "chat",
        }
    }

    /// What comes before anything else.
    pub fn opening(self, cursor: EventId) -> Option<Bytes> {
        (self != Self::Ws).then(|| frame::opening(cursor))
    }

    /// Tells a client to return with this cursor from now on, and nothing else.
    pub fn cursor(self, cursor: EventId) -> Bytes {
        match self {
            Self::Ws => self.named(&json!({"type": "cursor", "cursor": cursor})),
            Self::Sse | Self::Chat => frame::cursor(cursor),
        }
    }

    /// Tells a client that its stream stands, and what to return with until it has another cursor; `user` is the name it is known by.
    pub fn ready(
        self,
        client_id: &str,
        cursor: EventId,
        resumed: bool,
        user: Option<&str>,
    ) -> Bytes {
        if self == Self::Chat {
            return frame::chat::connected(user);
        }
        self.named(&json!({
            "type": "ready", "client_id": client_id, "cursor": cursor, "resumed": resumed,
        }))
    }

    /// An event of the log; nothing if the format has no such events.
    pub fn durable(self, event: &Event) -> Option<Bytes> {
        match self {
            Self::Sse => Some(frame::durable(event)),
            Self::Ws => Some(frame::ws::text(event.data.get().as_bytes())),
            Self::Chat => frame::chat::entry(Some(event.id), event.data.get().as_bytes()),
        }
    }

    /// Something that is not in the log, such as `reset`: an object with a `type`, by which clients
    /// of [`Wire::Chat`] know it from a message.
    pub fn named(self, data: &Value) -> Bytes {
        match self {
            Self::Ws => frame::ws::text(data.to_string().as_bytes()),
            Self::Sse => {
                let name = data.get("type").and_then(Value::as_str).unwrap_or_default();
                frame::transient(name, &data.to_string())
            }
            Self::Chat => frame::transient(MESSAGE, &data.to_string()),
        }
    }

    /// Tells a client that events may be missing: it loads anew, and goes on from `cursor`.
    pub fn reset(self, reason: &str, cursor: EventId) -> Bytes {
        let reset = self.named(&json!({"type": "reset", "reason": reason, "cursor": cursor}));
        match self {
            Self::Ws => reset,
            // A browser learns its cursor from blocks with an id only, and only once it was told.
            Self::Sse | Self::Chat => [reset, frame::cursor(cursor)].concat().into(),
        }
    }

    /// Tells a client that its session is over: it signs in again.
    pub fn reauth(self, reason: &str) -> Bytes {
        self.named(&json!({"type": "reauth", "reason": reason}))
    }

    /// Tells a client that the connection still works.
    pub fn heartbeat(self) -> Bytes {
        match self {
            Self::Sse => frame::heartbeat(),
            Self::Ws => frame::ws::ping(),
            Self::Chat => frame::chat::heartbeat(),
        }
    }

    /// How often it is told.
    pub fn heartbeat_interval(self, streams: Duration, sockets: Duration) -> Duration {
        if self == Self::Ws { sockets } else { streams }
    }
}
