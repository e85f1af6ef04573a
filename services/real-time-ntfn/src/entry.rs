//! [`Entry`]: something that streams receive, encoded once for each wire format.

use std::{sync::OnceLock, time::Instant};

use bytes::Bytes;
use common::{Audience, Ephemeral, Event, EventId};

use crate::{connection_id::ConnectionId, frame, wire::Wire};

/// Something that streams receive.
///
/// Its SSE frame is made at once. The other formats are made when the first stream needs them,
/// and then shared by all; streams of their own are never copied to.
#[derive(Debug)]
pub struct Entry {
    /// Its id, if it stands in the log.
    pub id: Option<EventId>,
    /// Who receives it.
    pub audience: Audience,
    /// The connection that does not, since it caused it and has been told.
    pub origin: Option<ConnectionId>,
    /// Its SSE frame.
    pub sse: Bytes,
    /// When it reached this service.
    pub published: Instant,
    /// Its JSON, which lies within the SSE frame where that is possible.
    json: Bytes,
    ws: OnceLock<Bytes>,
    chat: OnceLock<Option<Bytes>>,
}

impl Entry {
    /// An event of the log.
    pub fn durable(event: &Event) -> Self {
        let sse = frame::durable(event);
        let json = within(&sse, event.data.get());
        let mut entry = Self::new(Some(event.id), event.audience.clone(), sse, json);
        entry.origin = event.origin.as_deref().and_then(ConnectionId::of_origin);
        entry
    }

    /// Something that is not in the log: its type, and its JSON.
    pub fn passing(kind: &str, audience: Audience, json: &str) -> Self {
        let sse = frame::transient(kind, json);
        let json = within(&sse, json);
        Self::new(None, audience, sse, json)
    }

    /// A passing fact.
    pub fn ephemeral(fact: &Ephemeral) -> Self {
        Self::passing(&fact.kind, fact.audience.clone(), fact.data.get())
    }

    /// An entry from its SSE frame and its JSON.
    pub fn new(id: Option<EventId>, audience: Audience, sse: Bytes, json: Bytes) -> Self {
        Self {
            id,
            audience,
            origin: None,
            sse,
            published: Instant::now(),
            json,
            ws: OnceLock::new(),
            chat: OnceLock::new(),
        }
    }

    /// About how many bytes it takes in memory: in a large group, most are those of its audience.
    pub fn size(&self) -> usize {
        self.sse.len() + self.audience.size()
    }

    /// The bytes that a stream of this format gets, unless the format has none for it.
    pub fn frame(&self, wire: Wire) -> Option<&Bytes> {
        match wire {
            Wire::Sse => Some(&self.sse),
            Wire::Ws => Some(self.ws.get_or_init(|| frame::ws::text(&self.json))),
            Wire::Chat => {
                self.chat.get_or_init(|| frame::chat::entry(self.id, &self.json)).as_ref()
            }
        }
    }
}

/// The part of a frame that is this JSON; a copy, if the frame has it on several lines.
fn within(frame: &Bytes, json: &str) -> Bytes {
    let found = str::from_utf8(frame).ok().and_then(|frame| frame.find(json));
    match found {
        Some(at) => frame.slice(at..at + json.len()),
        None => Bytes::copy_from_slice(json.as_bytes()),
    }
}
