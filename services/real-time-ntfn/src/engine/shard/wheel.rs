//! [`Wheel`]: when each connection's heartbeat is due.

use std::time::{Duration, Instant};

use rand::RngExt;

/// The resolution of a shard's timers. A finer one would wake an idle shard more often.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// One turn takes as long as a heartbeat interval; a connection stays in the slot it was put in.
///
/// The slot is random, so that connections which came together do not beat together.
pub(super) struct Wheel {
    slots: Vec<Vec<Ticket>>,
    at: usize,
    next_tick: Instant,
}

/// A connection in the wheel. It is not taken out when the connection ends; a ticket whose turn
/// differs from its connection's is left over.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Ticket {
    pub(super) key: u32,
    pub(super) turn: u32,
}

impl Wheel {
    pub(super) fn new(interval: Duration, now: Instant) -> Self {
        let slots = (interval.as_millis() / TICK.as_millis()).max(1) as usize;
        Self { slots: vec![Vec::new(); slots], at: 0, next_tick: now + TICK }
    }

    /// Puts a connection into a slot.
    pub(super) fn insert(&mut self, ticket: Ticket) {
        let slot = rand::rng().random_range(0..self.slots.len());
        self.slots[slot].push(ticket);
    }

    /// How long until the next tick.
    pub(super) fn until_tick(&self, now: Instant) -> Duration {
        self.next_tick.saturating_duration_since(now)
    }

    /// Moves on by a tick if one is due, and returns its slot for the caller to go through and
    /// give back.
    pub(super) fn tick(&mut self, now: Instant) -> Option<(usize, Vec<Ticket>)> {
        if now < self.next_tick {
            return None;
        }
        self.next_tick += TICK;
        // After a long pause there is no use in making up for more than a turn.
        let turn = TICK * self.slots.len() as u32;
        if now > self.next_tick + turn {
            self.next_tick = now;
        }
        let slot = self.at;
        self.at = (self.at + 1) % self.slots.len();
        Some((slot, std::mem::take(&mut self.slots[slot])))
    }

    /// Takes a slot back, with what is left of it.
    pub(super) fn give_back(&mut self, slot: usize, tickets: Vec<Ticket>) {
        self.slots[slot] = tickets;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_connection_comes_up_once_a_turn() {
        let start = Instant::now();
        let mut wheel = Wheel::new(Duration::from_secs(1), start);
        for key in 0..50 {
            wheel.insert(Ticket { key, turn: 0 });
        }
        let mut turn = |from: u32| {
            let mut seen = Vec::new();
            for tick in from + 1..=from + 10 {
                let (slot, tickets) = wheel.tick(start + TICK * tick).unwrap();
                seen.extend(tickets.iter().map(|ticket| ticket.key));
                wheel.give_back(slot, tickets);
                assert!(wheel.tick(start + TICK * tick).is_none());
            }
            seen.sort_unstable();
            seen
        };
        let all: Vec<u32> = (0..50).collect();
        assert_eq!(turn(0), all);
        assert_eq!(turn(10), all);
    }
}
