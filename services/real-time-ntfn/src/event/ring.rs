//! [`Ring`]: the last events, encoded, for streams that are behind.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use common::EventId;
use serde_json::value::RawValue;

pub use super::entry::Entry;
use super::{audiences::Held, frame::Framing};
use crate::config::RingLimits;

/// A place between two entries, counted since the start of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(u64);

impl Position {
    /// Behind any that a ring will reach: for who waits for nothing more.
    pub const NEVER: Self = Self(u64::MAX / 2);

    /// How many entries lie between this position and a later one.
    pub fn until(self, later: Self) -> u64 {
        later.0.saturating_sub(self.0)
    }
}

/// How many slots there are for each event of the log that may be there: what is not in the log, and comes by the
/// thousand when people come and go, pushes out nothing that somebody may return for.
const SLOTS: usize = 8;

/// The last entries, bounded in number and bytes.
///
/// Entries of the log are in the order of their ids without a hole; what is not in the log stands
/// among them where it was published, and is passed over by replay.
#[derive(Debug)]
pub struct Ring {
    limits: RingLimits,
    slots: VecDeque<Slot>,
    /// The position before the first slot.
    start: u64,
    /// Replay can begin after this id and any later one.
    floor: EventId,
    /// The last id of the log that has been published.
    head: EventId,
    /// How many of the slots have an event of the log.
    durable: usize,
    /// Bytes of the frames of all entries that ever were here.
    written: u64,
    /// The memory of the entries that are, with their audiences, which may be larger than what they
    /// are told.
    held: usize,
    audiences: Held,
    /// Where the edits of messages are.
    edits: HashMap<EventId, VecDeque<u64>>,
}

#[derive(Debug)]
struct Slot {
    entry: Arc<Entry>,
    /// The last id of the log up to and including this entry.
    id: EventId,
    /// `Ring::written` before this entry.
    offset: u64,
    /// What it adds to `Ring::held`.
    size: usize,
}

/// How far a position is behind the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lag {
    /// In entries.
    pub events: u64,
    /// In bytes.
    pub bytes: u64,
}

impl Ring {
    /// An empty ring that knows nothing before `head`.
    pub fn new(limits: RingLimits, head: EventId) -> Self {
        Self {
            limits,
            slots: VecDeque::new(),
            start: 0,
            floor: head,
            head,
            durable: 0,
            written: 0,
            held: 0,
            audiences: Held::default(),
            edits: HashMap::new(),
        }
    }

    /// Forgets everything, and goes on after `head`. Positions stay valid, but old ones have
    /// fallen out.
    pub fn restart(&mut self, head: EventId) {
        // One further than any position handed out, so that all of them are behind the start.
        self.start = self.end().0 + 1;
        self.slots.clear();
        self.edits.clear();
        self.audiences.clear();
        (self.held, self.durable) = (0, 0);
        (self.floor, self.head) = (head, head);
    }

    /// Appends an entry. If a message was deleted, nothing of what it said is replayed from then on.
    pub fn push(&mut self, entry: Arc<Entry>) {
        let at = self.end().0;
        if let Some(change) = entry.change() {
            match &change.left {
                Some(left) => self.withdraw(change.of, left),
                None => self.edits.entry(change.of).or_default().push_back(at),
            }
        }
        self.head = entry.id.unwrap_or(self.head);
        let size = entry.sse.bytes(Framing::Chunked).len();
        self.held += size + self.audiences.add(&entry.audience);
        self.durable += usize::from(entry.id.is_some());
        // Before there is one slot more than that, for which the memory of all would double.
        while self.durable > self.limits.events || self.slots.len() >= self.limits.events * SLOTS {
            self.drop_oldest();
        }
        self.slots.push_back(Slot { entry, id: self.head, offset: self.written, size });
        self.written += size as u64;
        while self.held > self.limits.bytes && !self.slots.is_empty() {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(oldest) = self.slots.pop_front() {
            self.forget_edit(&oldest.entry);
            self.start += 1;
            self.durable -= usize::from(oldest.entry.id.is_some());
            self.held -= oldest.size + self.audiences.remove(&oldest.entry.audience);
            self.floor = oldest.id;
        }
    }

    /// Replaces what is said of a message by what is left of it, for replay.
    fn withdraw(&mut self, message: EventId, left: &Arc<RawValue>) {
        let said = self.index_of(message);
        let edits = self.edits.remove(&message).into_iter().flatten();
        let edits = edits.filter_map(|at| usize::try_from(at.checked_sub(self.start)?).ok());
        for index in said.into_iter().chain(edits) {
            if let Some(slot) = self.slots.get_mut(index)
                && let Some(entry) = slot.entry.withdrawn(left)
            {
                let added = entry.replayed().sse.bytes(Framing::Chunked).len();
                slot.size += added;
                self.held += added;
                slot.entry = Arc::new(entry);
            }
        }
    }

    /// The oldest entry has gone: if it was an edit, then the first that is known of its message.
    fn forget_edit(&mut self, oldest: &Entry) {
        if let Some(change) = oldest.change()
            && let Some(edits) = self.edits.get_mut(&change.of)
        {
            edits.pop_front();
            if edits.is_empty() {
                self.edits.remove(&change.of);
            }
        }
    }

    /// The last id of the log that has been published.
    pub fn head(&self) -> EventId {
        self.head
    }

    /// The position after the last entry.
    pub fn end(&self) -> Position {
        Position(self.start + self.slots.len() as u64)
    }

    /// The position from which a client that has everything up to `cursor` goes on, unless the
    /// ring no longer reaches back to it, or never held it: then it may come from a log that was lost.
    pub fn after(&self, cursor: EventId) -> Option<Position> {
        let index = self.slots.partition_point(|slot| slot.id <= cursor);
        let last = index.checked_sub(1).map_or(self.floor, |last| self.slots[last].id);
        let next = self.slots.get(index).map(|slot| slot.id);
        let is_held = cursor == last || next.is_some_and(|next| cursor.is_at(next));
        (cursor >= self.floor && is_held).then(|| Position(self.start + index as u64))
    }

    /// Entries from a position on, with the position after each; `None` if the position has
    /// fallen out.
    pub fn read(&self, from: Position) -> Option<impl Iterator<Item = (&Arc<Entry>, Position)>> {
        let index = from.0.checked_sub(self.start)?;
        let index = usize::try_from(index).ok()?.min(self.slots.len());
        Some(
            self.slots
                .range(index..)
                .zip(from.0 + 1..)
                .map(|(slot, next)| (&slot.entry, Position(next))),
        )
    }

    /// Whether a position has not fallen out.
    pub fn reaches(&self, position: Position) -> bool {
        position.0 >= self.start
    }

    /// How far a position is behind the end; `None` if it has fallen out.
    pub fn lag(&self, position: Position) -> Option<Lag> {
        let index = usize::try_from(position.0.checked_sub(self.start)?).ok()?;
        let offset = self.slots.get(index).map_or(self.written, |slot| slot.offset);
        Some(Lag { events: self.end().0.saturating_sub(position.0), bytes: self.written - offset })
    }

    /// Whether an event of the log is here.
    pub fn contains(&self, id: EventId) -> bool {
        self.index_of(id).is_some()
    }

    fn index_of(&self, id: EventId) -> Option<usize> {
        let index = self.slots.partition_point(|slot| slot.id < id);
        self.slots.get(index).filter(|slot| slot.entry.id == Some(id)).map(|_| index)
    }
}

#[cfg(test)]
mod tests;
