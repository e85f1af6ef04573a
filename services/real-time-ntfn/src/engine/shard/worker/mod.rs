//! [`Worker`]: a shard's loop.
//!
//! A pass looks at sockets, carries out all commands that wait, writes to each connection that
//! they touched, once, and lets the timers tick. Bursts coalesce by themselves, and a single event
//! goes out at once.

mod flush;
mod publish;
mod sessions;
mod sockets;
mod timers;

use std::{
    collections::{BTreeSet, VecDeque},
    io::{self, ErrorKind},
    panic::{self, AssertUnwindSafe},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use common::EventId;
use http_kit::memory;
use mio::{Events, Interest, Poll, Token, Waker, event::Event};
use slab::Slab;

use super::{
    Address, Settings, State,
    command::{Command, NewConnection, Queue, Slot},
    connection::Connection,
    index::Index,
    wheel::{TICK, Ticket, Wheel},
};
use crate::{
    event::{frame::Frame, ring::Ring, wire::Wire},
    ws::Act,
};

/// In the metrics.
const ENGINE: &str = "handover";

const WAKE: Token = Token(usize::MAX);

/// Bytes read from a WebSocket at a time.
const READ: usize = 16 * 1_024;

/// Socket events taken in one pass.
const EVENTS: usize = 1_024;

pub(super) struct Worker {
    settings: Settings,
    state: Arc<State>,
    poll: Poll,
    queue: Arc<Queue>,
    ring: Ring,
    generation: u64,
    connections: Slab<Connection>,
    index: Index,
    wheel: Wheel,
    /// The same for WebSockets.
    pings: Wheel,
    /// Sessions that end by themselves: when, in seconds since 1970, and whose.
    expiries: BTreeSet<(u64, Ticket)>,
    /// Connections that have been told to end, and since when.
    ending: Vec<(Ticket, Instant)>,
    /// Connections with more to read than one pass takes.
    unread: Vec<Ticket>,
    /// What is read, for a moment; and what is to be done about it.
    input: Box<[u8; READ]>,
    acts: Vec<Act>,
    /// Keys to flush in this pass.
    dirty: Vec<u32>,
    /// Connections that were blocked when last looked at.
    blocked: Vec<Ticket>,
    /// Keys to close, last first, and the moment by which it must be done.
    draining: Option<(Vec<Ticket>, Instant)>,
    /// Publishing times in this pass, for the delay to the write.
    published: Vec<Instant>,
    ticks: u64,
    turns: u32,
}

impl Worker {
    pub(super) fn new(settings: &Settings, state: Arc<State>) -> io::Result<(Self, Arc<Queue>)> {
        let poll = Poll::new()?;
        let queue = Arc::new(Queue::new(Waker::new(poll.registry(), WAKE)?));
        let worker = Self {
            settings: settings.clone(),
            state,
            poll,
            queue: queue.clone(),
            ring: Ring::new(settings.ring, EventId::ZERO),
            generation: 0,
            connections: Slab::new(),
            index: Index::default(),
            wheel: Wheel::new(settings.heartbeat, Instant::now()),
            pings: Wheel::new(settings.ping, Instant::now()),
            expiries: BTreeSet::new(),
            ending: Vec::new(),
            unread: Vec::new(),
            input: Box::new([0; READ]),
            acts: Vec::new(),
            dirty: Vec::new(),
            blocked: Vec::new(),
            draining: None,
            published: Vec::new(),
            ticks: 0,
            turns: 0,
        };
        Ok((worker, queue))
    }

    /// Works until it is told to stop, or fails.
    pub(super) fn live(mut self) {
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| self.run()));
        if outcome.is_err() {
            // Said first: whoever comes from now on goes to another shard. Nothing of the worker is
            // used again but what it holds, to let go of it.
            self.state.failed.store(true, Ordering::Release);
            tracing::error!(
                streams = self.connections.len(),
                "a shard has failed; its streams end"
            );
        }
        // Connections on their way, too, are closed where they are dropped.
        drop(self.queue.close());
        let reason = if outcome.is_err() { "failed" } else { "drained" };
        for connection in self.connections.drain() {
            self.settings.metrics.stream_closed(connection.wire().transport(), ENGINE, reason);
        }
    }

    fn run(&mut self) {
        let mut events = Events::with_capacity(EVENTS);
        let mut commands = VecDeque::new();
        // Without connections there is nothing to time but a last look through the memory that they took.
        let mut has_looked = false;
        loop {
            let pause = if !self.unread.is_empty() {
                Some(Duration::ZERO)
            } else if self.connections.is_empty() {
                (!has_looked).then_some(memory::EVERY)
            } else {
                Some(self.until_tick(Instant::now()))
            };
            match self.poll.poll(&mut events, pause) {
                Err(error) if error.kind() != ErrorKind::Interrupted => {
                    tracing::error!(%error, "a shard cannot poll");
                    std::thread::sleep(TICK);
                }
                _ => {}
            }
            for event in events.iter().filter(|event| event.token() != WAKE) {
                self.on_socket(event);
            }
            self.read_on();
            self.queue.take(&mut commands);
            for command in commands.drain(..) {
                match command {
                    Command::Publish(entries) => self.publish(&entries),
                    Command::Add(new) => self.add(*new),
                    Command::Restart(head) => self.restart(head),
                    Command::Drain(window) => self.start_drain(window),
                    Command::EndSessions(ended) => self.end_sessions(&ended),
                    Command::Say(slot, frame) => self.say_to(slot, frame),
                    Command::Relocate(slot, to) => self.relocate(slot, *to),
                    #[cfg(test)]
                    Command::Panic => panic!("as the test wants it"),
                    Command::Stop => return,
                }
            }
            self.flush_dirty();
            self.tick();
            has_looked = memory::look_through();
        }
    }

    fn on_socket(&mut self, event: &Event) {
        let key = event.token().0;
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        let talks = connection.link().is_some();
        let gone = event.is_error()
            || !talks && event.is_read_closed()
            || !talks && event.is_readable() && !connection.discard_input();
        if gone {
            return self.close(key as u32, "gone", None);
        }
        if event.is_writable() && connection.writable() {
            self.dirty.push(key as u32);
        }
        if talks && (event.is_readable() || event.is_read_closed()) {
            self.read(key as u32);
        }
    }

    fn add(&mut self, mut new: NewConnection) {
        let arrival = new.arrival.take();
        let missed_a_restart = new.place.generation != self.generation;
        self.turns = self.turns.wrapping_add(1);
        let turn = self.turns;
        let entry = self.connections.vacant_entry();
        let key = entry.key();
        let link = new.talk.as_ref().map(|talk| {
            let slot = Slot { key: key as u32, id: new.id };
            let outlet = || Box::new(Address { queue: self.queue.clone(), slot }) as _;
            Box::new(talk.link(new.id, &new.client_id, &new.scope, outlet))
        });
        let mut connection = Connection::new(new, link, turn, &self.ring);
        let wire = connection.wire();
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.settings.metrics.stream_opened(wire.transport(), ENGINE);
        let registered =
            self.poll.registry().register(&mut connection.socket, Token(key), interest);
        if missed_a_restart {
            connection.restart(&wire.reset("expired", self.ring.head()), self.ring.end());
        }
        let ticket = Ticket { key: key as u32, turn };
        self.index.insert(key as u32, connection.scope());
        if let Some(at) = expiry(&connection) {
            self.expiries.insert((at, ticket));
        }
        entry.insert(connection);
        if let Err(error) = registered {
            tracing::error!(%error, "a stream cannot be polled");
            self.close(key as u32, "gone", None);
            return;
        }
        if wire == Wire::Ws {
            self.pings.insert(ticket);
        } else {
            self.wheel.insert(ticket);
        }
        self.dirty.push(key as u32);
        if let Some((tickets, _)) = &mut self.draining {
            tickets.push(ticket);
        }
        self.end_if_ended(key as u32, arrival);
    }

    fn close(&mut self, key: u32, reason: &'static str, last: Option<&Frame>) {
        let mut connection = self.connections.remove(key as usize);
        let reason = connection.over().unwrap_or(reason);
        // Said explicitly: until actix lets go of its copy of the descriptor, closing ours would
        // leave the socket in the poll.
        self.poll.registry().deregister(&mut connection.socket).ok();
        self.index.remove(key, connection.scope());
        self.forget_expiry(key, &connection);
        let metrics = &self.settings.metrics;
        metrics.stream_closed(connection.wire().transport(), ENGINE, reason);
        tracing::info!(
            client_id = connection.client_id(),
            address = %connection.address(),
            reason,
            secs = connection.opened().elapsed().as_secs(),
            "client left"
        );
        connection.close(last);
        self.state.streams.fetch_sub(1, Ordering::AcqRel);
    }

    fn forget_expiry(&mut self, key: u32, connection: &Connection) {
        if let Some(at) = expiry(connection) {
            self.expiries.remove(&(at, Ticket { key, turn: connection.turn }));
        }
    }
}

/// When the connection's session ends by itself.
fn expiry(connection: &Connection) -> Option<u64> {
    connection.scope().session().and_then(|session| session.expires_at)
}
