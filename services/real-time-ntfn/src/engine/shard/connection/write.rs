//! Writing to a connection: what it has not got yet, as much as its socket takes.

use std::{
    collections::VecDeque,
    io::{ErrorKind, IoSlice, Write},
    time::Instant,
};

use common::Audience;

use super::{Connection, State};
use crate::event::ring::{Entry, Position, Ring};

/// Parts of frames in one write. A burst of this many leaves in one system call.
const MAX_SLICES: usize = 128;

/// What became of a flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine::shard) enum Flushed {
    /// Everything is written.
    All,
    /// The socket takes no more for now.
    Blocked,
    /// Everything is written, and nothing will follow.
    Last,
    /// The stream has to end, for this reason.
    Over(&'static str),
}

/// What was written in a pass.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::engine::shard) struct Tally {
    pub(in crate::engine::shard) events: u64,
    pub(in crate::engine::shard) replayed: u64,
    pub(in crate::engine::shard) bytes: u64,
}

impl Connection {
    /// Writes as much as the socket takes, many frames at a time.
    pub(in crate::engine::shard) fn flush(
        &mut self,
        ring: &Ring,
        now: Instant,
        tally: &mut Tally,
    ) -> Flushed {
        while self.cursor < ring.end() || !self.preface.is_empty() {
            let mut slices = [IoSlice::new(&[]); MAX_SLICES];
            let Some(gathered) = self.gather(ring, &mut slices) else {
                return Flushed::Over("lagged");
            };
            let written = match &slices[..gathered.count] {
                // What is left was for others.
                [] => break,
                // Nearly always: one event to an idle stream, unless that is a WebSocket, whose frames have
                // two parts. The plain call is the cheaper one.
                [frame] => (&self.socket).write(frame),
                frames => (&self.socket).write_vectored(frames),
            };
            match written {
                Ok(0) => return Flushed::Over("gone"),
                Ok(written) => {
                    self.blocked_since = None;
                    self.advance(ring, written, tally);
                    if written < gathered.bytes {
                        // The rest would not fit either: asking again costs a call for nothing.
                        return self.block(now);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return self.block(now),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Flushed::Over("gone"),
            }
        }
        self.blocked_since = None;
        // Nothing is pending, however it was counted: a count that is too high would pass for
        // something else later.
        (self.pending_events, self.pending_bytes) = (0, 0);
        if self.is_over() {
            self.state = State::Over;
            return Flushed::Last;
        }
        self.state = State::Idle;
        Flushed::All
    }

    fn block(&mut self, now: Instant) -> Flushed {
        self.state = State::Blocked;
        self.blocked_since.get_or_insert(now);
        Flushed::Blocked
    }

    /// Collects what to write next; nothing if the ring no longer has it.
    fn gather<'a>(
        &'a self,
        ring: &'a Ring,
        slices: &mut [IoSlice<'a>; MAX_SLICES],
    ) -> Option<Gathered> {
        let mut gathered = Gathered::default();
        let mut skip = self.offset as usize;
        let mut add = |bytes: &'a [u8]| {
            let written = skip.min(bytes.len());
            skip -= written;
            let rest = &bytes[written..];
            if rest.is_empty() {
                return true;
            }
            let Some(slice) = slices.get_mut(gathered.count) else {
                return false;
            };
            *slice = IoSlice::new(rest);
            gathered.count += 1;
            gathered.bytes += rest.len();
            true
        };
        let preface_fits = self.preface.iter().all(|bytes| add(bytes));
        if !preface_fits {
            return Some(gathered);
        }
        let all_mine = self.has_only_its_own_before(ring.end());
        let mut at = self.cursor;
        for (entry, next) in ring.read(self.cursor)? {
            let entry = self.version(entry, at);
            if (all_mine || self.receives(entry, at))
                && let Some(encoded) = entry.encoded(self.wire)
                && !encoded.parts(self.framing).into_iter().all(&mut add)
            {
                break;
            }
            at = next;
        }
        Some(gathered)
    }

    /// Moves on by so many written bytes.
    fn advance(&mut self, ring: &Ring, mut written: usize, tally: &mut Tally) {
        tally.bytes += written as u64;
        self.cold.bytes += written as u64;
        while let Some(first) = self.preface.front() {
            let left = first.len() - self.offset as usize;
            if written < left {
                self.offset += written as u32;
                return;
            }
            written -= left;
            self.offset = 0;
            self.preface.pop_front();
            self.cold.front_is_rest = false;
            if self.preface.is_empty() {
                self.preface = VecDeque::new();
            }
        }
        let all_mine = self.has_only_its_own_before(ring.end());
        let mut at = self.cursor;
        for (entry, next) in ring.read(self.cursor).into_iter().flatten() {
            let entry = self.version(entry, at);
            if (all_mine || self.receives(entry, at))
                && let Some(encoded) = entry.encoded(self.wire)
            {
                let left = encoded.len(self.framing) - self.offset as usize;
                if written < left {
                    self.offset += written as u32;
                    break;
                }
                written -= left;
                self.offset = 0;
                self.settle(entry, at, tally);
            }
            at = next;
        }
        self.cursor = at;
    }

    /// An entry is written.
    pub(super) fn settle(&mut self, entry: &Entry, at: Position, tally: &mut Tally) {
        tally.events += 1;
        if self.notes && matches!(*entry.audience, Audience::Users(_)) {
            self.cold.unseen.write(entry.id);
        }
        if at < self.live_from {
            tally.replayed += 1;
        } else {
            self.pending_events = self.pending_events.saturating_sub(1);
            self.pending_bytes = self.pending_bytes.saturating_sub(self.size_of(entry));
        }
    }

    /// Whether everything between the cursor and the end is known to be for this stream, since
    /// as many entries are pending: nothing needs to be asked of each.
    fn has_only_its_own_before(&self, end: Position) -> bool {
        self.cursor >= self.live_from && self.cursor.until(end) == u64::from(self.pending_events)
    }

    /// The form of an entry that is for this stream.
    pub(super) fn version<'a>(&self, entry: &'a Entry, at: Position) -> &'a Entry {
        if at < self.live_from { entry.replayed() } else { entry }
    }

    pub(super) fn receives(&self, entry: &Entry, at: Position) -> bool {
        let missed = at < self.live_from && entry.id.is_none();
        !missed
            && self.cold.scope.receives(&entry.audience)
            && entry.encoded(self.wire).is_some()
            && !self.caused(entry)
    }

    /// Whether the entry comes of something that this very client sent.
    pub(super) fn caused(&self, entry: &Entry) -> bool {
        entry.origin.is_some_and(|origin| origin == self.cold.id)
    }
}

#[derive(Default)]
struct Gathered {
    count: usize,
    bytes: usize,
}
