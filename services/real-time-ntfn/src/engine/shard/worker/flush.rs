//! Writing to the connections that were touched in a pass.

use std::time::Instant;

use super::Worker;
use crate::{
    engine::shard::{
        connection::{Flushed, State, Tally},
        wheel::Ticket,
    },
    event::wire::Wire,
    ws::close,
};

impl Worker {
    /// Writes to every connection that has something to write.
    pub(super) fn flush_dirty(&mut self) {
        if self.dirty.is_empty() {
            self.published.clear();
            return;
        }
        let began = Instant::now();
        let mut tally = Tally::default();
        let mut dirty = std::mem::take(&mut self.dirty);
        for key in dirty.drain(..) {
            self.flush(key, began, &mut tally);
        }
        // Its memory is used again.
        self.dirty = dirty;
        let metrics = &self.settings.metrics;
        metrics.events_out.inc_by(tally.events);
        metrics.replayed.inc_by(tally.replayed);
        metrics.bytes_out.inc_by(tally.bytes);
        if !self.published.is_empty() {
            metrics.fan_out.observe(began.elapsed().as_secs_f64());
        }
        let now = Instant::now();
        for published in self.published.drain(..) {
            metrics.write_delay.observe(now.duration_since(published).as_secs_f64());
        }
    }

    fn flush(&mut self, key: u32, now: Instant, tally: &mut Tally) {
        let Some(connection) = self.connections.get_mut(key as usize) else {
            return;
        };
        if connection.state() != State::Dirty {
            // The key belonged to a connection that has ended in this very pass.
            return;
        }
        let ticket = Ticket { key, turn: connection.turn };
        let is_socket = connection.wire() == Wire::Ws;
        match connection.flush(&self.ring, now, tally) {
            Flushed::All => {}
            Flushed::Last if is_socket => self.hang_up(key),
            Flushed::Last => self.close(key, "gone", None),
            Flushed::Blocked if connection.lags(self.settings.backlog) => self.end_slow(key),
            Flushed::Blocked => self.blocked.push(ticket),
            Flushed::Over("lagged") if is_socket => {
                self.end_slow(key);
                self.flush(key, now, tally);
            }
            Flushed::Over(reason) => self.close(key, reason, None),
        }
    }

    /// Ends a stream whose client is too slow: a WebSocket's client is told, if it reads after all.
    pub(super) fn end_slow(&mut self, key: u32) {
        let is_socket = self.connections.get(key as usize).is_some_and(|it| it.wire() == Wire::Ws);
        if is_socket {
            self.end_socket(key, close::SLOW_CLIENT);
        } else {
            self.close(key, "lagged", None);
        }
    }
}
