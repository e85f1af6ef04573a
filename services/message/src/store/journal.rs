//! [`Journal`]: what a batch adds to the event log, in the order in which it happens.

use std::{sync::Arc, time::Duration};

use common::{Audience, Batch, Event, EventId, Moment};
use serde_json::{Value, value::to_raw_value};

use super::StoreError;
use crate::chat::change::Receipt;

/// As near to the clock as an id is that says when it was made: in a busy batch, ids run ahead a little.
const ON_TIME: Duration = Duration::from_secs(1);

/// How far ids leap, at most, where a process goes on in a log that is ahead of the clock: a second.
const LEAP: u64 = 1_000_000;

/// Hands out ids and collects what happens under them.
#[derive(Debug)]
pub struct Journal {
    after: EventId,
    last: EventId,
    now: Moment,
    /// Events, in the order of their ids.
    pub events: Vec<Event>,
    /// Markers that moved.
    pub receipts: Vec<Receipt>,
}

impl Journal {
    /// A journal that goes on after the last id of the log, now.
    pub const fn new(after: EventId, now: Moment) -> Self {
        Self { after, last: after, now, events: Vec::new(), receipts: Vec::new() }
    }

    /// The id of the next event, which is to be [`push`](Self::push)ed under it.
    pub fn next_id(&mut self) -> EventId {
        self.last = EventId::after(self.last, self.now);
        self.last
    }

    /// The first of a process. Ids that are behind the clock have never been handed out, but where they are
    /// ahead of it, those of a log that was lost may have been: then this one's begin somewhere else.
    pub fn begin(&mut self) {
        if self.last.moment() >= self.now {
            let further = self.last.micros() + rand::random_range(1..LEAP);
            self.last = EventId::from_micros(further).unwrap_or(self.last);
        }
    }

    /// A place in the order of ids, after all events until here: that of the next one, if there is one.
    pub fn here(&self) -> EventId {
        EventId::after(self.last, self.now)
    }

    /// What the clock says, for people to read. It says nothing about order: clocks are set.
    pub const fn now(&self) -> Moment {
        self.now
    }

    /// When what has an id happened, if that cannot be seen from the id: ids stay ahead where the clock
    /// was ahead once.
    pub fn said_at(&self, id: EventId) -> Option<Moment> {
        let apart = id.moment().since(self.now).max(self.now.since(id.moment()));
        (apart > ON_TIME).then_some(self.now)
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
