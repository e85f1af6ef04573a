//! What a shard does for WebSockets: reading, replying, saying goodbye.

use std::{
    io::{ErrorKind, Read},
    net::Shutdown,
    time::Instant,
};

use bytes::Bytes;

use super::{Worker, expiry};
use crate::{
    engine::shard::{
        command::{Relocation, Slot},
        connection::{Connection, Lost},
        wheel::Ticket,
    },
    event::frame::Frame,
    ws::{Act, close, close::Ending},
};

/// Reads from one connection in one pass. One that sends more waits for the next.
const READS: usize = 16;

impl Worker {
    /// Goes on with those that had more to read than one pass took.
    pub(super) fn read_on(&mut self) {
        for ticket in std::mem::take(&mut self.unread) {
            let connection = self.connections.get(ticket.key as usize);
            if connection.is_some_and(|it| it.turn == ticket.turn) {
                self.read(ticket.key);
            }
        }
    }

    /// Reads what a client has sent, and does what follows from it.
    pub(super) fn read(&mut self, key: u32) {
        for _ in 0..READS {
            let Some(connection) = self.connections.get_mut(key as usize) else {
                return;
            };
            let count = match connection.socket.read(&mut self.input[..]) {
                Ok(0) => return self.close(key, "gone", None),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => return self.close(key, "gone", None),
            };
            if connection.is_over() {
                // It has been told that nothing counts any more.
                continue;
            }
            let mut acts = std::mem::take(&mut self.acts);
            if let Some(link) = connection.link() {
                link.receive(&self.input[..count], Instant::now(), &mut acts);
            }
            for act in acts.drain(..) {
                self.act(key, act);
            }
            self.acts = acts;
        }
        if let Some(connection) = self.connections.get(key as usize) {
            self.unread.push(Ticket { key, turn: connection.turn });
        }
    }

    fn act(&mut self, key: u32, act: Act) {
        match act {
            Act::Say(frame) => self.say(key, frame),
            Act::End(ending) => self.end_socket(key, ending),
            Act::Hear => {
                if let Some(connection) = self.connections.get_mut(key as usize) {
                    connection.hear(&self.settings.delivery);
                }
            }
        }
    }

    /// Writes a frame to the connection in a slot, if it is still there.
    pub(super) fn say_to(&mut self, slot: Slot, frame: Bytes) {
        if self.find(slot).is_some() {
            self.say(slot.key, frame);
        }
    }

    fn say(&mut self, key: u32, frame: Bytes) {
        let Some(connection) = self.connections.get_mut(key as usize) else {
            return;
        };
        let said = connection.say(frame, &self.ring);
        let reads_no_replies = connection.reads_no_replies();
        self.flush_later(key, said);
        if reads_no_replies {
            self.end_socket(key, close::SLOW_CLIENT);
        }
    }

    /// Lets the connection in a slot go on from another place.
    pub(super) fn relocate(&mut self, slot: Slot, mut to: Relocation) {
        let arrival = to.arrival.take();
        let Some(connection) = self.connections.get_mut(slot.key as usize) else {
            return;
        };
        if connection.id() != slot.id || connection.is_over() {
            return;
        }
        let ticket = Ticket { key: slot.key, turn: connection.turn };
        self.index.remove(slot.key, connection.scope());
        if let Some(at) = expiry(connection) {
            self.expiries.remove(&(at, ticket));
        }
        let missed_a_restart = to.place.generation != self.generation;
        let relocated = connection.relocate(to, &self.ring);
        if relocated.is_ok() && missed_a_restart {
            let reset = connection.wire().reset("expired", self.ring.head());
            connection.restart(&reset, self.ring.end());
        }
        self.index.insert(slot.key, connection.scope());
        if let Some(at) = expiry(connection) {
            self.expiries.insert((at, ticket));
        }
        self.flush_later(slot.key, relocated);
        self.end_if_ended(slot.key, arrival);
    }

    /// Has a connection flushed in this pass if that is what follows, or closes it if nothing can
    /// follow any more.
    fn flush_later(&mut self, key: u32, follows: Result<bool, Lost>) {
        match follows {
            Ok(true) => self.dirty.push(key),
            Ok(false) => {}
            Err(Lost) => self.close(key, "lagged", None),
        }
    }

    fn find(&self, slot: Slot) -> Option<&Connection> {
        self.connections.get(slot.key as usize).filter(|connection| connection.id() == slot.id)
    }

    /// Says goodbye to a WebSocket's client.
    pub(super) fn end_socket(&mut self, key: u32, ending: Ending) {
        self.end(key, vec![ending.frame()], ending.label);
    }

    /// Ends a stream with these frames. It gets nothing else from now on.
    pub(super) fn end(&mut self, key: u32, last: Vec<Frame>, reason: &'static str) {
        let Some(connection) = self.connections.get_mut(key as usize) else {
            return;
        };
        if connection.is_over() {
            return;
        }
        let ticket = Ticket { key, turn: connection.turn };
        self.index.remove(key, connection.scope());
        let ends = connection.end(last, reason, &self.ring);
        self.flush_later(key, ends);
        self.ending.push((ticket, Instant::now()));
    }

    /// Everything is said. The client hangs up in turn; were the socket closed now, what it still
    /// sends would be answered with a reset, which may overtake the goodbye.
    pub(super) fn hang_up(&mut self, key: u32) {
        if let Some(connection) = self.connections.get(key as usize)
            && connection.socket.shutdown(Shutdown::Write).is_err()
        {
            self.close(key, "gone", None);
        }
    }

    /// Tells a client that its session is over, and ends the stream.
    pub(super) fn end_session(&mut self, key: u32, reason: &str) {
        let Some(connection) = self.connections.get(key as usize) else {
            return;
        };
        let last = close::session_over(connection.wire(), reason);
        self.end(key, last, "reauth");
    }
}
