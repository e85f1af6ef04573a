//! [`Journal`]: what a batch adds to the event log, in the order in which it happens.

use std::sync::Arc;

use common::{Audience, Batch, Event, EventId};
use serde_json::{Value, value::to_raw_value};

use super::StoreError;
use crate::chat::change::Receipt;

/// Hands out ids and collects what happens under them.
#[derive(Debug)]
pub struct Journal {
    after: EventId,
    last: EventId,
    /// Events, in the order of their ids.
    pub events: Vec<Event>,
    /// Markers that moved.
    pub receipts: Vec<Receipt>,
}

impl Journal {
    /// A journal that goes on after the last id of the log.
    pub const fn new(after: EventId) -> Self {
        Self { after, last: after, events: Vec::new(), receipts: Vec::new() }
    }

    /// The id of the next event, which is to be [`push`](Self::push)ed under it.
    pub fn next_id(&mut self) -> EventId {
        self.last = EventId::after(self.last);
        self.last
    }

    /// What the clock says, in the order of ids. It is no event's id.
    pub fn now(&self) -> EventId {
        EventId::after(self.last)
    }

    /// Appends an event.
    pub fn push(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Appends an event whose JSON is made from its id.
    pub fn record(
        &mut self,
        kind: &str,
        audience: impl Into<Arc<Audience>>,
        data: impl FnOnce(EventId) -> Value,
    ) -> Result<EventId, StoreError> {
        let id = self.next_id();
        let data = to_raw_value(&data(id))?.into();
        let audience = audience.into();
        self.push(Event { id, kind: kind.to_owned(), audience, data, origin: None });
        Ok(id)
    }

    /// The last id of the log once the batch is committed.
    pub fn end(&self) -> EventId {
        self.events.last().map_or(self.after, |event| event.id)
    }

    /// What the batch added to the log, and the markers that it moved.
    pub fn into_parts(self) -> (Batch, Vec<Receipt>) {
        (Batch::new(self.after, self.events), self.receipts)
    }
}
