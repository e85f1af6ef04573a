//! [`Worker`]: a shard's loop.
//!
//! A pass looks at sockets, carries out all commands that wait, writes to each connection that
//! they touched, once, and lets the timers tick. Bursts coalesce by themselves, and a single event
//! goes out at once.

mod timers;

use std::{
    collections::VecDeque,
    io::{self, ErrorKind},
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use bytes::Bytes;
use common::EventId;
use mio::{Events, Interest, Poll, Token, Waker, event::Event};
use slab::Slab;

use super::{
    Settings, State,
    command::{Command, NewConnection, Queue},
    connection::{Connection, Flushed, State as Waiting, Tally},
    index::Index,
    wheel::{TICK, Ticket, Wheel},
};
use crate::{
    frame,
    ring::{Entry, Ring},
    scope::Session,
};
use serde_json::json;

/// In the metrics.
const ENGINE: &str = "handover";

const WAKE: Token = Token(usize::MAX);

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
            dirty: Vec::new(),
            blocked: Vec::new(),
            draining: None,
            published: Vec::new(),
            ticks: 0,
            turns: 0,
        };
        Ok((worker, queue))
    }

    /// Works until it is told to stop.
    pub(super) fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS);
        let mut commands = VecDeque::new();
        loop {
            // Without connections there is nothing to time.
            let pause =
                (!self.connections.is_empty()).then(|| self.wheel.until_tick(Instant::now()));
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
            self.queue.take(&mut commands);
            for command in commands.drain(..) {
                match command {
                    Command::Publish(entries) => self.publish(&entries),
                    Command::Add(new) => self.add(*new),
                    Command::Restart(head) => self.restart(head),
                    Command::EndSessions(ended) => self.end_sessions("signed_out", |session| {
                        session.user.key == ended.user && session.epoch < ended.epoch
                    }),
                    Command::Drain(window) => self.start_drain(window),
                    #[cfg(test)]
                    Command::Panic => panic!("as the test wants it"),
                    Command::Stop => return,
                }
            }
            self.flush_dirty();
            while let Some((slot, tickets)) = self.wheel.tick(Instant::now()) {
                self.on_tick(slot, tickets);
            }
        }
    }

    fn on_socket(&mut self, event: &Event) {
        let key = event.token().0;
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        let gone = event.is_error()
            || event.is_read_closed()
            || event.is_readable() && !connection.discard_input();
        if gone {
            self.close(key as u32, "gone", None);
        } else if event.is_writable() && connection.writable() {
            self.dirty.push(key as u32);
        }
    }

    fn publish(&mut self, entries: &[Arc<Entry>]) {
        for entry in entries {
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

    fn add(&mut self, new: NewConnection) {
        let missed_a_restart = new.generation != self.generation;
        self.turns = self.turns.wrapping_add(1);
        let turn = self.turns;
        let mut connection = Connection::new(new, turn, self.ring.end());
        let entry = self.connections.vacant_entry();
        let key = entry.key();
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.settings.metrics.stream_opened(ENGINE);
        let registered =
            self.poll.registry().register(&mut connection.socket, Token(key), interest);
        if missed_a_restart {
            connection.restart(frame::reset("expired", self.ring.head()), self.ring.end());
        }
        self.index.insert(key as u32, connection.scope());
        entry.insert(connection);
        if let Err(error) = registered {
            tracing::error!(%error, "a stream cannot be polled");
            self.close(key as u32, "gone", None);
            return;
        }
        let ticket = Ticket { key: key as u32, turn };
        self.wheel.insert(ticket);
        self.dirty.push(key as u32);
        if let Some((tickets, _)) = &mut self.draining {
            tickets.push(ticket);
        }
    }

    fn restart(&mut self, head: EventId) {
        // The end of any session may be part of what is missing.
        self.end_sessions("expired", |_| true);
        for (_, connection) in &mut self.connections {
            connection.keep_frame_under_way(&self.ring);
        }
        self.ring.restart(head);
        self.generation += 1;
        let (reset, end) = (frame::reset("expired", head), self.ring.end());
        for (key, connection) in &mut self.connections {
            if connection.restart(reset.clone(), end) {
                self.dirty.push(key as u32);
            }
        }
    }

    /// Ends the streams of sessions that were shown by a credential.
    fn end_sessions(&mut self, reason: &str, over: impl Fn(&Session) -> bool) {
        let over = |session: &Session| session.authenticated && over(session);
        let streams = self.connections.iter();
        let keys = streams.filter(|(_, stream)| stream.scope().session().is_some_and(&over));
        let keys: Vec<_> = keys.map(|(key, _)| key as u32).collect();
        let data = json!({"type": "reauth", "reason": reason});
        for key in keys {
            self.close(key, "reauth", Some(&frame::transient("reauth", &data)));
        }
    }

    /// Writes to every connection that has something to write.
    fn flush_dirty(&mut self) {
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
        if connection.state() != Waiting::Dirty {
            // The key belonged to a connection that has ended in this very pass.
            return;
        }
        match connection.flush(&self.ring, now, tally) {
            Flushed::All => {}
            Flushed::Blocked if connection.lags(self.settings.backlog) => {
                self.close(key, "lagged", None);
            }
            Flushed::Blocked => {
                self.blocked.push(Ticket { key, turn: connection.turn });
            }
            Flushed::Over(reason) => self.close(key, reason, None),
        }
    }

    fn close(&mut self, key: u32, reason: &'static str, last: Option<&Bytes>) {
        let mut connection = self.connections.remove(key as usize);
        // Said explicitly: until actix lets go of its copy of the descriptor, closing ours would
        // leave the socket in the poll.
        self.poll.registry().deregister(&mut connection.socket).ok();
        self.index.remove(key, connection.scope());
        let metrics = &self.settings.metrics;
        metrics.stream_closed(ENGINE, reason);
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
}
