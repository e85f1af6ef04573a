//! What a connection is told aside from the ring: replies, `reset`, its end.

use bytes::Bytes;

use super::{Connection, Lost, State, Tally, heartbeat::notes};
use crate::{
    engine::shard::command::Relocation,
    event::{
        frame::Frame,
        ring::{Position, Ring},
    },
};

/// Replies that may wait to be written. A client that has asked for more than this, and reads
/// none, is too slow.
const MOST_SAID: usize = 256;

impl Connection {
    /// Puts a frame before what is next in the ring, and behind one that is under way. Returns
    /// whether the connection has to be flushed and did not have to be.
    pub(in crate::engine::shard) fn say(
        &mut self,
        frame: Bytes,
        ring: &Ring,
    ) -> Result<bool, Lost> {
        if self.is_over() {
            return Ok(false);
        }
        self.keep_frame_under_way(ring)?;
        self.cold.said = if self.preface.is_empty() { 1 } else { self.cold.said + 1 };
        Ok(self.interject(frame, ring.end()))
    }

    /// Whether the client has asked for more than it reads.
    pub(in crate::engine::shard) fn reads_no_replies(&self) -> bool {
        self.cold.said > MOST_SAID && self.preface.len() > MOST_SAID
    }

    /// Goes on from another place. Returns whether the connection has to be flushed and did not
    /// have to be.
    pub(in crate::engine::shard) fn relocate(
        &mut self,
        to: Relocation,
        ring: &Ring,
    ) -> Result<bool, Lost> {
        self.keep_frame_under_way(ring)?;
        let was_idle = self.state == State::Idle;
        let framing = self.framing;
        self.preface.extend(to.preface.iter().map(|frame| frame.share(framing)));
        self.cold.unseen.write(to.preface_up_to);
        self.notes = notes(&to.scope);
        self.cold.scope = to.scope;
        // What was not written yet may be for nobody else to repeat: it is not passed over.
        self.live_from = if was_idle { ring.end() } else { self.cursor.max(self.live_from) };
        self.cursor = if was_idle { to.place.position } else { to.place.position.min(self.cursor) };
        self.count_pending(ring);
        if was_idle {
            self.state = State::Dirty;
        }
        Ok(was_idle)
    }

    /// Ends the stream with these frames, in good order. Returns whether the connection has to be
    /// flushed and did not have to be.
    pub(in crate::engine::shard) fn end(
        &mut self,
        last: impl IntoIterator<Item = Frame>,
        reason: &'static str,
        ring: &Ring,
    ) -> Result<bool, Lost> {
        self.keep_frame_under_way(ring)?;
        if self.state == State::Blocked {
            // Who does not read gets the rest of the frame that is under way, and no more.
            let under_way = self.offset > 0 || self.cold.front_is_rest;
            self.preface.truncate(usize::from(under_way));
            self.cold.unseen.forget();
        }
        let framing = self.framing;
        self.preface.extend(last.into_iter().map(|frame| frame.share(framing)));
        self.preface.extend(framing.end());
        (self.pending_events, self.pending_bytes) = (0, 0);
        self.cursor = Position::NEVER;
        self.cold.over = Some(reason);
        let was_idle = self.state == State::Idle;
        if was_idle {
            self.state = State::Dirty;
        }
        Ok(was_idle)
    }

    /// Why it ends, if it does.
    pub(in crate::engine::shard) fn over(&self) -> Option<&'static str> {
        self.cold.over
    }

    pub(in crate::engine::shard) fn is_over(&self) -> bool {
        self.cursor == Position::NEVER
    }

    /// Whether it waits for its socket, and the ring has moved past what it would write then.
    pub(in crate::engine::shard) fn waits_in_vain(&self, ring: &Ring) -> bool {
        self.state == State::Blocked && !ring.reaches(self.cursor)
    }

    /// The ring has started over, and ends at `end`: forgets what was pending, and says `reset`.
    /// The frame under way has been kept. Returns whether the connection has to be flushed and
    /// did not have to be.
    pub(in crate::engine::shard) fn restart(&mut self, reset: &Frame, end: Position) -> bool {
        if self.is_over() {
            return false;
        }
        (self.pending_events, self.pending_bytes) = (0, 0);
        (self.cursor, self.live_from) = (end, end);
        self.interject(reset.share(self.framing), end)
    }

    /// Takes the rest of the frame under way out of the ring, so that something can be put behind
    /// it, or the ring can change: the client gets a whole frame. Once the ring no longer has
    /// that rest, nothing can follow the part that the client has: the connection has to be closed.
    pub(in crate::engine::shard) fn keep_frame_under_way(
        &mut self,
        ring: &Ring,
    ) -> Result<(), Lost> {
        if self.offset == 0 || !self.preface.is_empty() {
            return Ok(());
        }
        let mut at = self.cursor;
        for (entry, next) in ring.read(self.cursor).into_iter().flatten() {
            let entry = self.version(entry, at);
            if self.receives(entry, at)
                && let Some(encoded) = entry.encoded(self.wire)
            {
                self.preface.push_back(encoded.rest(self.framing, self.offset as usize));
                self.offset = 0;
                self.cold.front_is_rest = true;
                // It counts as written now: whatever depends on that waits for the preface.
                self.settle(entry, at, &mut Tally::default());
                self.cursor = next;
                return Ok(());
            }
            at = next;
        }
        Err(Lost)
    }

    /// Puts the rest of a frame that is under way into the empty preface. Returns whether the
    /// connection has to be flushed and did not have to be.
    pub(super) fn interject_rest(&mut self, rest: Bytes, end: Position) -> bool {
        self.cold.front_is_rest = true;
        self.interject(rest, end)
    }

    /// Puts a frame at the end of the preface. Returns whether the connection has to be flushed
    /// and did not have to be.
    pub(super) fn interject(&mut self, frame: Bytes, end: Position) -> bool {
        self.preface.push_back(frame);
        if self.state != State::Idle {
            return false;
        }
        self.cursor = end;
        self.state = State::Dirty;
        true
    }
}
