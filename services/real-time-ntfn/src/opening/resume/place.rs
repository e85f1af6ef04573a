//! [`Place`]: where in the hub a stream goes on, and what comes before.

use std::collections::VecDeque;

use common::{Audience, Event, EventId};
use http_kit::connections::Bytes;

use crate::{
    event::{
        frame::{self, Frame, Framing},
        wire::Wire,
    },
    hub::Subscriber,
};

/// A place to go on from, and what comes before it.
pub(super) struct Place {
    pub(super) subscriber: Subscriber,
    /// What a client that is cut off before it has read anything returns with: it has missed no
    /// event up to there.
    pub(super) cursor: EventId,
    pub(super) before: Before,
    pub(super) from: &'static str,
}

/// What comes before what is in the ring.
#[derive(Default)]
pub(super) struct Before {
    pub(super) frames: VecDeque<Frame>,
    /// Of events among them.
    pub(super) bytes: usize,
    pub(super) up_to: Option<EventId>,
    /// What has been read of it counts as its address's while the rest is waited for.
    pub(super) held: Option<Bytes>,
}

impl Before {
    /// Adds the events of a page, in a few blocks of memory.
    pub(super) fn add_page<'a>(&mut self, events: impl Iterator<Item = &'a Event>, wire: Wire) {
        let start = self.frames.len();
        events.for_each(|event| self.add(event, wire));
        frame::pack(&mut self.frames.make_contiguous()[start..]);
    }

    pub(super) fn add(&mut self, event: &Event, wire: Wire) {
        let Some(frame) = wire.durable(event) else {
            return;
        };
        self.bytes += frame.bytes(Framing::Bare).len();
        self.frames.push_back(frame);
        if matches!(*event.audience, Audience::Users(_)) {
            self.up_to = self.up_to.max(Some(event.id));
        }
    }
}

impl Place {
    /// Puts events up to the cursor first.
    ///
    /// Wherever the stream is cut off, the client returns with a cursor before which it has read
    /// everything: at first one before the first of them, then the id of each, and the place's own
    /// when they are over. So returning with a cursor acknowledges nothing unread, and the old ids
    /// do not stay with a client that hears nothing more for a long time.
    pub(super) fn begin_with(&mut self, events: &[Event], wire: Wire) {
        let mut first = Before::default();
        let mut begins_at = None;
        for event in events {
            first.add(event, wire);
            if !first.frames.is_empty() {
                begins_at.get_or_insert(event.id.previous());
            }
        }
        frame::pack(first.frames.make_contiguous());
        if let Some(begins_at) = begins_at {
            first.frames.push_back(wire.cursor(self.cursor));
            self.cursor = begins_at;
        }
        first.frames.append(&mut self.before.frames);
        first.held = self.before.held.take();
        first.up_to = first.up_to.max(self.before.up_to);
        self.before = first;
    }

    /// Whether the client has missed nothing.
    pub(super) fn is_resumed(&self) -> bool {
        matches!(self.from, "ring" | "log")
    }
}
