//! [`Swarm`]: many connections from one address, on one thread, that all do the same, come again
//! when they are turned away, and end when their time is over.

use std::io::{self, Read, Write};
use std::ops::AddAssign;
use std::time::Duration;

use anyhow::Result;
use memchr::memmem;
use mio::event::Event;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::dial::Dial;
use crate::{clock, interrupt};

/// How long nothing happens before it is looked who has something to say.
const STEP: Duration = Duration::from_millis(5);

/// Enough of what came before to find a word that two reads have cut.
const TAIL: usize = 32;

/// By what all of them know that they are refused.
const REFUSALS: [&[u8]; 4] = [b"HTTP/1.1 4", b"HTTP/1.1 5", b"event: busy", b"\"type\":\"error\""];

/// What all of its connections do.
pub(crate) struct Swarm<'a> {
    pub(crate) dial: Dial,
    pub(crate) size: usize,
    /// What a connection says first; each one has another number, also when it comes again.
    pub(crate) greeting: &'a (dyn Fn(u64) -> Vec<u8> + Sync),
    /// What stands in the answer to that when it is let in.
    pub(crate) welcome: &'static [u8],
    pub(crate) then: Then<'a>,
    /// How long one that was turned away waits before it comes again.
    pub(crate) pause: Duration,
}

/// What it does once it is let in.
#[derive(Clone, Copy)]
pub(crate) enum Then<'a> {
    /// It leaves, and comes again at once.
    Leave,
    /// It stays, and never reads.
    Ignore,
    /// It stays, says something at once and then every so often, and reads everything.
    Talk {
        every: Duration,
        says: &'a (dyn Fn(u64) -> Vec<u8> + Sync),
        /// What stands in an answer that it wanted.
        praise: &'static [u8],
    },
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Score {
    /// Answers that were wanted.
    pub(crate) served: u64,
    /// Refusals, and connections that were closed.
    pub(crate) refused: u64,
}

impl AddAssign for Score {
    fn add_assign(&mut self, other: Self) {
        self.served += other.served;
        self.refused += other.refused;
    }
}

/// A place in the swarm.
enum Slot {
    /// Nobody is there until then.
    Away(u64),
    Here(Visit),
}

struct Visit {
    socket: TcpStream,
    number: u64,
    is_welcome: bool,
    unsent: Vec<u8>,
    /// The end of what came.
    heard: Vec<u8>,
    /// When it says something next.
    due: u64,
}

/// How a visit goes on.
#[derive(PartialEq, Eq)]
enum Turn {
    Stays,
    /// It has what it came for.
    Leaves,
    /// It was refused or closed.
    IsOut,
}

impl Swarm<'_> {
    /// Bothers the server until the clock shows `until`.
    pub(crate) fn run(&self, until: u64) -> Result<Score> {
        let mut poll = Poll::new()?;
        let mut events = Events::with_capacity(self.size.max(16));
        let mut slots: Vec<Slot> = (0..self.size).map(|_| Slot::Away(0)).collect();
        let mut buffer = vec![0; 64 * 1024];
        let (mut score, mut number) = (Score::default(), 0);
        while clock::now() < until {
            interrupt::check()?;
            for (index, slot) in slots.iter_mut().enumerate() {
                self.wake(index, slot, &mut number, &poll, &mut score)?;
            }
            match poll.poll(&mut events, Some(STEP)) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            for event in &events {
                let slot = &mut slots[event.token().0];
                let Slot::Here(visit) = slot else { continue };
                match visit.turn(event, self, event.token().0, &mut buffer, &mut score) {
                    Turn::Stays => {}
                    Turn::Leaves => *slot = Slot::Away(0),
                    Turn::IsOut => {
                        score.refused += 1;
                        *slot = Slot::Away(clock::now() + clock::nanos(self.pause));
                    }
                }
            }
        }
        Ok(score)
    }

    /// Does what it is time for.
    fn wake(
        &self,
        index: usize,
        slot: &mut Slot,
        number: &mut u64,
        poll: &Poll,
        score: &mut Score,
    ) -> Result<()> {
        let now = clock::now();
        match slot {
            Slot::Away(due) if *due <= now => {
                let Ok(mut socket) = self.dial.begin() else {
                    score.refused += 1;
                    *due = now + clock::nanos(self.pause.max(STEP));
                    return Ok(());
                };
                let interest = Interest::READABLE | Interest::WRITABLE;
                poll.registry().register(&mut socket, Token(index), interest)?;
                *slot = Slot::Here(Visit {
                    socket,
                    number: *number,
                    is_welcome: false,
                    unsent: (self.greeting)(*number),
                    heard: Vec::new(),
                    due: u64::MAX,
                });
                *number += 1;
            }
            Slot::Here(visit) if visit.due <= now => {
                if let Then::Talk { every, says, .. } = self.then {
                    visit.due = (visit.due + clock::nanos(every)).max(now);
                    // One that is not even taken does not pile up.
                    if visit.unsent.is_empty() {
                        visit.unsent = says(visit.number);
                        // What is wrong with the socket shows when it is read.
                        let _ = visit.send();
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl Visit {
    /// Goes on as far as it can.
    fn turn(
        &mut self,
        event: &Event,
        swarm: &Swarm<'_>,
        index: usize,
        buffer: &mut [u8],
        score: &mut Score,
    ) -> Turn {
        if event.is_error() || self.send().is_err() {
            return Turn::IsOut;
        }
        if matches!(swarm.then, Then::Ignore) {
            return self.glance(event, swarm, score);
        }
        loop {
            let read = match self.socket.read(buffer) {
                Ok(0) => return Turn::IsOut,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Turn::Stays,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return Turn::IsOut,
            };
            if self.is_welcome {
                if let Then::Talk { praise, .. } = swarm.then {
                    let fresh = &buffer[..read];
                    let refused = REFUSALS.iter().map(|word| count(fresh, word)).sum::<u64>();
                    *score += Score { served: count(fresh, praise), refused };
                }
                continue;
            }
            self.heard.extend_from_slice(&buffer[..read]);
            match (self.judge(swarm), swarm.then) {
                (None, _) => drop(self.heard.drain(..self.heard.len().saturating_sub(TAIL))),
                (Some(false), _) => return Turn::IsOut,
                (Some(true), Then::Talk { every, says, .. }) => {
                    self.is_welcome = true;
                    self.heard = Vec::new();
                    // The first word at once, further ones evenly over the whole swarm.
                    let share = clock::nanos(every) * (index as u64 + 1) / swarm.size as u64;
                    self.due = clock::now() + share;
                    self.unsent = says(self.number);
                    if self.send().is_err() {
                        return Turn::IsOut;
                    }
                }
                (Some(true), _) => {
                    score.served += 1;
                    return Turn::Leaves;
                }
            }
        }
    }

    /// Looks at the beginning of the answer only, and leaves it where it is.
    fn glance(&mut self, event: &Event, swarm: &Swarm<'_>, score: &mut Score) -> Turn {
        if !self.is_welcome {
            let mut start = [0; TAIL];
            let read = self.socket.peek(&mut start).unwrap_or_default();
            self.heard = start[..read].to_vec();
            match self.judge(swarm) {
                Some(true) => {
                    self.is_welcome = true;
                    score.served += 1;
                }
                Some(false) => return Turn::IsOut,
                None => {}
            }
        }
        if event.is_read_closed() { Turn::IsOut } else { Turn::Stays }
    }

    /// Whether it is let in, as soon as that is clear.
    fn judge(&self, swarm: &Swarm<'_>) -> Option<bool> {
        let is_said = |word: &[u8]| memmem::find(&self.heard, word).is_some();
        if REFUSALS.into_iter().any(is_said) {
            return Some(false);
        }
        is_said(swarm.welcome).then_some(true)
    }

    /// Sends what the socket takes.
    fn send(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            match self.socket.write(&self.unsent) {
                Ok(written) => drop(self.unsent.drain(..written)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected
                    ) =>
                {
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn count(bytes: &[u8], word: &[u8]) -> u64 {
    memmem::find_iter(bytes, word).count() as u64
}

#[cfg(test)]
mod tests;
