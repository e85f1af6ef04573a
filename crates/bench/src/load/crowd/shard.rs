//! One thread of a crowd: a poll, its clients, and the times at which they connect.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use mio::{Events, Interest, Poll, Token};

use super::client::{Client, Turn};
use super::plan::Plan;
use super::record::Record;
use super::tally::Tally;
use crate::clock;

/// One buffer per thread: what an idle client costs stays small, and a burst is read in few calls.
const READ_BUFFER: usize = 256 * 1024;

/// What the threads of a crowd and its owner share.
pub(super) struct Shared {
    pub(super) stop: AtomicBool,
    pub(super) tallies: Vec<Mutex<Tally>>,
}

struct Shard<'a> {
    plan: &'a Plan,
    poll: Poll,
    clients: Vec<Client>,
    /// Clients that still have to connect for the first time.
    fresh: VecDeque<usize>,
    /// Clients that come back, by the time at which they are due.
    returning: BinaryHeap<Reverse<(u64, usize)>>,
    /// Connections begun that do not stream yet.
    opening: usize,
    /// When the next connection may begin.
    next_open: u64,
    record: Record,
}

/// Runs the clients with these numbers until the crowd stops.
pub(super) fn run(
    number: usize,
    plan: &Plan,
    numbers: Vec<usize>,
    shared: &Shared,
) -> Result<Record> {
    let mut shard = Shard {
        plan,
        poll: Poll::new()?,
        fresh: (0..numbers.len()).collect(),
        clients: numbers.into_iter().map(Client::new).collect(),
        returning: BinaryHeap::new(),
        opening: 0,
        next_open: clock::now(),
        record: Record::new(),
    };
    let mut events = Events::with_capacity(1024);
    let mut buffer = vec![0; READ_BUFFER];
    while !shared.stop.load(Ordering::Relaxed) {
        let wait = shard.open_due()?;
        match shard.poll.poll(&mut events, Some(wait)) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            polled => polled?,
        }
        for event in &events {
            let ended = event.is_read_closed() || event.is_error();
            shard.turn(event.token().0, ended, &mut buffer)?;
        }
        *shared.tallies[number].lock().expect("its owner only copies it") = shard.record.tally;
    }
    Ok(shard.record)
}

impl Shard<'_> {
    /// Begins the connections that are due, within the pace, and returns how long to wait at most.
    fn open_due(&mut self) -> Result<Duration> {
        let threads = self.plan.pace.threads.max(1);
        let step = 1_000_000_000 * threads as u64 / u64::from(self.plan.pace.per_second.max(1));
        let room = (self.plan.pace.outstanding / threads).max(1);
        // A thread that was busy does not make up for it with a rush.
        let now = clock::now();
        self.next_open = self.next_open.max(now.saturating_sub(10_000_000));
        while self.opening < room && self.next_open <= now {
            let Some(index) = self.next_client(now) else {
                break;
            };
            self.next_open += step;
            self.open(index)?;
        }
        let idle = Duration::from_millis(50);
        Ok(if self.fresh.is_empty() {
            match self.returning.peek() {
                Some(Reverse((due, _))) => Duration::from_nanos(due.saturating_sub(now))
                    .clamp(Duration::from_millis(1), idle),
                None => idle,
            }
        } else {
            Duration::from_millis(1)
        })
    }

    /// The next client to connect, if one is due.
    fn next_client(&mut self, now: u64) -> Option<usize> {
        if let Some(index) = self.fresh.pop_front() {
            return Some(index);
        }
        let due = self.returning.peek().is_some_and(|Reverse((due, _))| *due <= now);
        if due { self.returning.pop().map(|Reverse((_, index))| index) } else { None }
    }

    fn open(&mut self, index: usize) -> Result<()> {
        match self.clients[index].connect(&self.plan.stream) {
            Ok(socket) => {
                let interest = Interest::READABLE | Interest::WRITABLE;
                self.poll.registry().register(socket, Token(index), interest)?;
                self.opening += 1;
                Ok(())
            }
            // Loopback may refuse within the call.
            Err(error) if self.plan.reconnect && error.is::<std::io::Error>() => {
                self.leave(index);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn turn(&mut self, index: usize, ended: bool, buffer: &mut [u8]) -> Result<()> {
        let client = &mut self.clients[index];
        if client.socket.is_none() {
            return Ok(());
        }
        let was_open = client.is_open();
        let plan = self.plan;
        let turn = client.turn(&plan.stream, plan.expect, ended, buffer, &mut self.record);
        if client.is_open() && !was_open {
            self.opening -= 1;
        }
        match turn {
            Ok(Turn::Drained) => return Ok(()),
            Ok(Turn::Ended) => {}
            // A server that is down refuses; one that is up and answers wrongly is a fault.
            Err(error) if plan.reconnect && error.is::<std::io::Error>() => {}
            Err(error) => return Err(error.context("an SSE client")),
        }
        if !client.is_open() {
            self.opening = self.opening.saturating_sub(1);
        }
        if let Some(mut socket) = client.socket.take() {
            self.poll.registry().deregister(&mut socket).context("deregister a client")?;
        }
        self.leave(index);
        Ok(())
    }

    fn leave(&mut self, index: usize) {
        let due = self.clients[index].leave(&mut self.record);
        if self.plan.reconnect {
            self.returning.push(Reverse((due, index)));
        }
    }
}
