//! [`Entry`]: something that streams receive, encoded once.

use std::{
    sync::{Arc, OnceLock},
    time::Instant,
};

use bytes::Bytes;
use common::{
    Audience, Ephemeral, Event, EventId,
    event::{MESSAGE, MESSAGE_UPDATED},
};
use serde_json::value::RawValue;

use super::{
    change::{self, Change},
    connection_id::ConnectionId,
    encoded::Encoded,
    frame::{self, Block, Frame, Framing, ws::Header},
    wire::Wire,
};

/// Something that streams receive.
///
/// It is encoded at once: what WebSockets have of it lies in the SSE frame. The form for the dialect of
/// `/sse/chat` is made when the first stream needs it, and then shared by all.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its id, if it stands in the log.
    pub id: Option<EventId>,
    /// Who receives it, each of them once. Entries for the same people share it.
    pub audience: Arc<Audience>,
    /// The connection that does not, since it caused it and has been told.
    pub origin: Option<ConnectionId>,
    /// Its SSE frame.
    pub sse: Frame,
    /// When it reached this service.
    pub published: Instant,
    /// Its JSON, which lies within the SSE frame where that is possible.
    json: Frame,
    /// What a WebSocket has before that.
    header: Header,
    chat: OnceLock<Option<Box<Frame>>>,
    /// What it says of an earlier message.
    change: Option<Box<Change>>,
    /// What replay has instead, since the message that this is about was deleted.
    left: Option<Box<Self>>,
}

impl Entry {
    /// An event of the log.
    pub fn durable(event: &Event) -> Self {
        let sse = frame::durable(event);
        let json = within(&sse, event.data.get());
        let audience = match &*event.audience {
            Audience::Users(users) if !users.is_sorted_by(|one, next| one < next) => {
                Arc::new(Audience::Users(users.clone()).distinct())
            }
            _ => event.audience.clone(),
        };
        let mut entry = Self::shared(Some(event.id), audience, sse, json);
        entry.origin = event.origin.as_deref().and_then(ConnectionId::of_origin);
        entry.change = Change::of_event(event).map(Box::new);
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
    pub fn new(id: Option<EventId>, audience: Audience, sse: Frame, json: Bytes) -> Self {
        Self::shared(id, Arc::new(audience.distinct()), sse, json)
    }

    fn shared(id: Option<EventId>, audience: Arc<Audience>, sse: Frame, json: Bytes) -> Self {
        Self {
            id,
            audience,
            origin: None,
            sse,
            published: Instant::now(),
            header: Header::of_text(json.len()),
            json: Frame::bare(json),
            chat: OnceLock::new(),
            change: None,
            left: None,
        }
    }

    /// The same, in a block of memory that it shares with others.
    pub(crate) fn packed(self, block: &mut Block) -> Self {
        let sse = block.put(&self.sse);
        let json = sse.same_part(&self.sse, &self.json.share(Framing::Bare));
        Self { json: json.map_or(self.json, Frame::bare), sse, ..self }
    }

    /// What it says of an earlier message.
    pub(crate) fn change(&self) -> Option<&Change> {
        self.change.as_deref()
    }

    /// Whether it says that a message was deleted.
    pub(crate) fn is_deletion(&self) -> bool {
        self.change().is_some_and(|change| change.left.is_some())
    }

    /// The same, once the message that it is about was deleted: replay has what is `left` of that,
    /// as the log has by then. Streams that were there when it was said still get what was said.
    pub(crate) fn withdrawn(&self, left: &Arc<RawValue>) -> Option<Self> {
        let id = self.id?;
        let edit = self.change.as_ref().map(|_| change::edited(self.json(), left));
        let (kind, json) = match &edit {
            Some(json) => (MESSAGE_UPDATED, json.as_deref()?),
            None => (MESSAGE, left.get()),
        };
        let sse = frame::of_log(id, kind, json);
        let json = within(&sse, json);
        let mut left = Self::shared(Some(id), self.audience.clone(), sse, json);
        left.origin = self.origin;
        Some(Self { left: Some(Box::new(left)), ..self.clone() })
    }

    /// The form that is replayed.
    pub(crate) fn replayed(&self) -> &Self {
        self.left.as_deref().unwrap_or(self)
    }

    fn json(&self) -> &[u8] {
        self.json.bytes(Framing::Bare)
    }

    /// What a stream of this format gets, unless the format has nothing for it.
    pub fn encoded(&self, wire: Wire) -> Option<Encoded<'_>> {
        match wire {
            Wire::Sse => Some(Encoded::frame(&self.sse)),
            Wire::Ws => Some(Encoded::with_header(&self.header, &self.json)),
            Wire::Chat => {
                let encode = || frame::chat::entry(self.id, self.json()).map(Box::new);
                self.chat.get_or_init(encode).as_deref().map(Encoded::frame)
            }
        }
    }
}

/// The part of a frame that is this JSON; a copy, if the frame has it on several lines.
fn within(frame: &Frame, json: &str) -> Bytes {
    let frame = frame.share(Framing::Bare);
    let found = str::from_utf8(&frame).ok().and_then(|frame| frame.find(json));
    match found {
        Some(at) => frame.slice(at..at + json.len()),
        None => Bytes::copy_from_slice(json.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_one_piece_of_memory_for_all_formats() {
        let entry = Entry::passing("typing", Audience::Users(vec![]), r#"{"type":"typing"}"#);
        let mut block = Block::default();
        let packed = entry.clone().packed(&mut block);
        for wire in [Wire::Sse, Wire::Ws] {
            let parts = |entry: &Entry| {
                entry.encoded(wire).unwrap().parts(Framing::Bare).map(<[u8]>::to_vec)
            };
            assert_eq!(parts(&packed), parts(&entry));
        }
        let frame = packed.sse.bytes(Framing::Chunked).as_ptr_range();
        assert!(frame.contains(&packed.json().as_ptr()));
        assert!(!frame.contains(&entry.json().as_ptr()));
    }
}
