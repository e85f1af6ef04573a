//! [`Wire`]: the formats in which streams are written.

use std::time::Duration;

use common::{Event, EventId, event::MESSAGE};
use serde_json::{Value, json};

use super::frame::{self, Frame};

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

    /// Tells a client that its stream stands, and what to return with until it has another cursor;
    /// `user` is the name it is known by.
    pub fn ready(
        self,
        client_id: &str,
        cursor: EventId,
        resumed: bool,
        user: Option<&str>,
    ) -> Frame {
        let retry = frame::retry();
        if self == Self::Chat {
            return frame::chat::connected(user, cursor, retry);
        }
        let data = json!({
            "type": "ready", "client_id": client_id, "cursor": cursor, "resumed": resumed,
        });
        self.about_stream(&data, Some(cursor), Some(retry))
    }

    /// Tells a client to return with this cursor from now on, and nothing else.
    pub fn cursor(self, cursor: EventId) -> Frame {
        match self {
            Self::Chat => frame::chat::heartbeat(Some(cursor), None),
            _ => {
                self.about_stream(&json!({"type": "cursor", "cursor": cursor}), Some(cursor), None)
            }
        }
    }

    /// Tells a client that its stream ends in good order, and when to return. Clients of
    /// WebSockets learn the same from a close frame.
    pub fn closing(self) -> Frame {
        let retry = frame::retry();
        let data = json!({"type": "closing", "retry": retry.as_millis() as u64});
        match self {
            Self::Chat => frame::chat::heartbeat(None, Some(retry)),
            _ => self.about_stream(&data, None, Some(retry)),
        }
    }

    /// An event of the log; nothing if the format has no such events.
    pub fn durable(self, event: &Event) -> Option<Frame> {
        match self {
            Self::Sse => Some(frame::durable(event)),
            Self::Ws => Some(Frame::bare(frame::ws::text(event.data.get().as_bytes()))),
            Self::Chat => frame::chat::entry(Some(event.id), event.data.get().as_bytes()),
        }
    }

    /// Something that is not in the log, such as `reset`: an object with a `type`, by which clients
    /// of [`Wire::Chat`] know it from a message.
    pub fn named(self, data: &Value) -> Frame {
        self.about_stream(data, None, None)
    }

    /// Tells a client that events may be missing: it loads anew, and goes on from `cursor`.
    pub fn reset(self, reason: &str, cursor: EventId) -> Frame {
        let data = json!({"type": "reset", "reason": reason, "cursor": cursor});
        self.about_stream(&data, Some(cursor), None)
    }

    /// Tells a client that its session is over, and with it the stream: it signs in again.
    pub fn reauth(self, reason: &str) -> Frame {
        let data = json!({"type": "reauth", "reason": reason});
        self.about_stream(&data, None, Some(frame::retry()))
    }

    /// Tells a client that the connection still works.
    pub fn heartbeat(self) -> Frame {
        match self {
            Self::Sse => frame::heartbeat(),
            Self::Ws => Frame::bare(frame::ws::ping(&[])),
            Self::Chat => frame::chat::heartbeat(None, None),
        }
    }

    /// How often it is told.
    pub fn heartbeat_interval(self, streams: Duration, sockets: Duration) -> Duration {
        if self == Self::Ws { sockets } else { streams }
    }

    /// An object with a `type`. Over a WebSocket it has neither an id nor a retry time, but says
    /// them where they matter.
    fn about_stream(self, data: &Value, cursor: Option<EventId>, retry: Option<Duration>) -> Frame {
        let name = data.get("type").and_then(Value::as_str).unwrap_or_default();
        match self {
            Self::Ws => Frame::bare(frame::ws::text(data.to_string().as_bytes())),
            Self::Sse => frame::about_stream(name, data, cursor, retry),
            Self::Chat => frame::about_stream(MESSAGE, data, cursor, retry),
        }
    }
}
