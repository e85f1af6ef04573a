//! What comes into a shard's ring, and when that begins anew.

use std::sync::Arc;

use common::EventId;

use super::Worker;
use crate::event::{ring::Entry, wire::Wire};

impl Worker {
    pub(super) fn publish(&mut self, entries: &[Arc<Entry>]) {
        for entry in entries {
            if entry.is_deletion() {
                self.keep_frames_under_way();
            }
            let before = self.ring.end();
            self.ring.push(entry.clone());
            self.published.push(entry.published);
            for key in self.index.recipients(&entry.audience) {
                let Some(connection) = self.connections.get_mut(key as usize) else {
                    continue;
                };
                if connection.touch(entry, before) {
                    self.dirty.push(key);
                }
            }
        }
    }

    /// Before what the ring says of a message changes: a stream that is in the middle of a frame
    /// goes on as it began. Every such stream is blocked.
    fn keep_frames_under_way(&mut self) {
        for ticket in &self.blocked {
            let connection = self.connections.get_mut(ticket.key as usize);
            if let Some(connection) = connection.filter(|it| it.turn == ticket.turn) {
                // One that cannot go on is found out where it is written to.
                connection.keep_frame_under_way(&self.ring).ok();
            }
        }
    }

    pub(super) fn restart(&mut self, head: EventId) {
        self.end_authenticated();
        let mut lost = Vec::new();
        for (key, connection) in &mut self.connections {
            if connection.keep_frame_under_way(&self.ring).is_err() {
                lost.push(key as u32);
            }
        }
        for key in lost {
            self.close(key, "lagged", None);
        }
        self.ring.restart(head);
        self.generation += 1;
        let end = self.ring.end();
        let resets =
            [Wire::Sse, Wire::Ws, Wire::Chat].map(|wire| (wire, wire.reset("expired", head)));
        for (key, connection) in &mut self.connections {
            let of_wire = resets.iter().find(|(wire, _)| *wire == connection.wire());
            if of_wire.is_some_and(|(_, reset)| connection.restart(reset, end)) {
                self.dirty.push(key as u32);
            }
        }
    }
}
