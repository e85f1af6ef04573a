//! What a shard does by the clock: heartbeats, ending streams that take nothing, draining.

use std::time::{Duration, Instant};

use rand::seq::SliceRandom;

use super::Worker;
use crate::{
    frame,
    shard::{
        connection::Gone,
        wheel::{TICK, Ticket},
    },
};

/// Ticks between two looks at connections that take nothing.
const STALL_TICKS: u64 = 10;

impl Worker {
    pub(super) fn on_tick(&mut self, slot: usize, mut tickets: Vec<Ticket>) {
        self.ticks += 1;
        let (heartbeat, end) = (frame::heartbeat(), self.ring.end());
        let mut gone = Vec::new();
        tickets.retain(|ticket| {
            let connection = self.connections.get_mut(ticket.key as usize);
            let Some(connection) = connection.filter(|it| it.turn == ticket.turn) else {
                return false;
            };
            match connection.beat(&heartbeat, end) {
                Ok(true) => self.dirty.push(ticket.key),
                Ok(false) => {}
                Err(Gone) => gone.push(ticket.key),
            }
            true
        });
        for key in gone {
            self.close(key, "gone", None);
        }
        self.wheel.give_back(slot, tickets);
        self.flush_dirty();
        if self.ticks.is_multiple_of(STALL_TICKS) {
            self.close_stalled();
        }
        self.continue_drain();
    }

    /// Closes connections whose sockets have taken nothing for too long, or that have fallen too
    /// far behind without anybody trying to write to them.
    fn close_stalled(&mut self) {
        let now = Instant::now();
        let mut blocked = std::mem::take(&mut self.blocked);
        blocked.sort_unstable_by_key(|ticket| (ticket.key, ticket.turn));
        blocked.dedup();
        blocked.retain(|ticket| {
            let connection = self.connections.get(ticket.key as usize);
            let Some(connection) = connection.filter(|it| it.turn == ticket.turn) else {
                return false;
            };
            let Some(since) = connection.blocked_since() else {
                return false;
            };
            let reason = if connection.lags(self.settings.backlog) {
                "lagged"
            } else if now.duration_since(since) >= self.settings.stall {
                "stalled"
            } else {
                return true;
            };
            self.close(ticket.key, reason, None);
            false
        });
        self.blocked = blocked;
    }

    pub(super) fn start_drain(&mut self, window: Duration) {
        let mut tickets: Vec<_> = self
            .connections
            .iter()
            .map(|(key, connection)| Ticket { key: key as u32, turn: connection.turn })
            .collect();
        tickets.shuffle(&mut rand::rng());
        self.draining = Some((tickets, Instant::now() + window));
        self.continue_drain();
    }

    /// Closes the share of connections that is due.
    fn continue_drain(&mut self) {
        let Some((mut tickets, deadline)) = self.draining.take() else {
            return;
        };
        let ticks_left =
            deadline.saturating_duration_since(Instant::now()).as_millis() / TICK.as_millis();
        let share = tickets.len().div_ceil(ticks_left as usize + 1);
        for ticket in tickets.drain(tickets.len() - share..) {
            let there = self.connections.get(ticket.key as usize);
            if there.is_some_and(|connection| connection.turn == ticket.turn) {
                self.close(ticket.key, "drained", Some(&frame::closing()));
            }
        }
        self.draining = Some((tickets, deadline));
    }
}
