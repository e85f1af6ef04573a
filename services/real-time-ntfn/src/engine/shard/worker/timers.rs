//! What a shard does by the clock: heartbeats, ending streams that take nothing, draining.

use std::time::{Duration, Instant};

use rand::seq::SliceRandom;

use super::Worker;
use crate::{
    engine::shard::{
        connection::{Connection, Gone, State},
        wheel::{TICK, Ticket},
    },
    event::{frame::Frame, wire::Wire},
    ws::{Act, Link, close},
};

/// How long a client may take to end after it has been told to. Streams of who has signed out are
/// gone within five seconds, and the news travels, too.
const LINGER: Duration = Duration::from_secs(4);

/// Ticks between two looks at connections that take nothing.
const STALL_TICKS: u64 = 10;

impl Worker {
    /// How long until something is due.
    pub(super) fn until_tick(&self, now: Instant) -> Duration {
        self.wheel.until_tick(now).min(self.pings.until_tick(now))
    }

    /// Does what is due.
    pub(super) fn tick(&mut self) {
        while let Some((slot, tickets)) = self.wheel.tick(Instant::now()) {
            let tickets = self.beat(tickets);
            self.wheel.give_back(slot, tickets);
            self.ticks += 1;
            if self.ticks.is_multiple_of(STALL_TICKS) {
                self.close_stalled();
                self.end_expired();
            }
            self.cut_lingering();
            self.continue_drain();
            self.flush_dirty();
        }
        while let Some((slot, tickets)) = self.pings.tick(Instant::now()) {
            let tickets = self.ping(tickets);
            self.pings.give_back(slot, tickets);
            self.flush_dirty();
        }
    }

    /// Writes heartbeats; returns the connections that are still there.
    fn beat(&mut self, mut tickets: Vec<Ticket>) -> Vec<Ticket> {
        let (heartbeat, end) = (Wire::Sse.heartbeat(), self.ring.end());
        let mut of_chat = None;
        let mut gone = Vec::new();
        tickets.retain(|ticket| {
            let connection = self.connections.get_mut(ticket.key as usize);
            let Some(connection) = connection.filter(|it| it.turn == ticket.turn) else {
                return false;
            };
            let heartbeat = match connection.wire() {
                Wire::Chat => of_chat.get_or_insert_with(|| Wire::Chat.heartbeat()),
                _ => &heartbeat,
            };
            match connection.beat(heartbeat, end, &self.settings.delivery) {
                Ok(true) => self.dirty.push(ticket.key),
                Ok(false) => {}
                Err(Gone) => gone.push(ticket.key),
            }
            true
        });
        for key in gone {
            self.close(key, "gone", None);
        }
        tickets
    }

    /// Pings clients of WebSockets, and lets go those that do not answer; returns the others.
    fn ping(&mut self, mut tickets: Vec<Ticket>) -> Vec<Ticket> {
        let end = self.ring.end();
        let (mut gone, mut silent) = (Vec::new(), Vec::new());
        tickets.retain(|ticket| {
            let connection = self.connections.get_mut(ticket.key as usize);
            let Some(connection) = connection.filter(|it| it.turn == ticket.turn) else {
                return false;
            };
            // One that does not read is not asked: its backlog and the stall deadline end it.
            if connection.state() != State::Idle {
                return true;
            }
            match connection.link().map(Link::beat) {
                Some(Act::Say(ping)) => {
                    match connection.beat(&Frame::bare(ping), end, &self.settings.delivery) {
                        Ok(true) => self.dirty.push(ticket.key),
                        Ok(false) => {}
                        Err(Gone) => gone.push(ticket.key),
                    }
                }
                Some(Act::End(ending)) => silent.push((ticket.key, ending)),
                Some(Act::Hear) | None => {}
            }
            true
        });
        for key in gone {
            self.close(key, "gone", None);
        }
        for (key, ending) in silent {
            self.end_socket(key, ending);
        }
        tickets
    }

    /// Closes connections whose clients have been told to end, and do not.
    fn cut_lingering(&mut self) {
        let now = Instant::now();
        let mut ending = std::mem::take(&mut self.ending);
        ending.retain(|(ticket, since)| {
            let connection = self.connections.get(ticket.key as usize);
            if connection.is_none_or(|it| it.turn != ticket.turn) {
                return false;
            }
            let lingers = now.duration_since(*since) < LINGER;
            if !lingers {
                self.close(ticket.key, "gone", None);
            }
            lingers
        });
        self.ending = ending;
    }

    /// Closes connections whose sockets have taken nothing for too long, or that have fallen too
    /// far behind, or out of the ring, without anybody trying to write to them.
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
            let reason =
                if connection.lags(self.settings.backlog) || connection.waits_in_vain(&self.ring) {
                    self.end_slow(ticket.key);
                    return true;
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
            match there.filter(|it| it.turn == ticket.turn).map(Connection::wire) {
                Some(Wire::Ws) => self.end_socket(ticket.key, close::RESTARTING),
                Some(wire) => self.close(ticket.key, "drained", Some(&wire.closing())),
                None => {}
            }
        }
        self.draining = Some((tickets, deadline));
    }
}
