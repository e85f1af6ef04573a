//! [`Shards`]: threads that own the sockets of streams, and copy the ring to them.
//!
//! Each shard has its own poll, its own connections and its own ring of shared frames, so nothing
//! on the way to a socket is locked. All that reaches a shard comes through one queue of
//! [`Command`]s: an event published after a connection was added finds it there, and one published
//! before lies in the ring behind the connection's position. There is no race to lose.
//!
//! | module | noun |
//! | --- | --- |
//! | [`command`] | what a shard is told, and the queue |
//! | `connection` | one stream's socket: where it is in the ring, and writing |
//! | `index` | which connections an audience means |
//! | `wheel` | when each connection's heartbeat is due |
//! | `worker` | the loop |

pub mod command;
mod connection;
mod index;
mod wheel;
mod worker;

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{Builder, JoinHandle},
    time::Duration,
};

use common::{EventId, event::SessionEnded};

use crate::{
    config::{Backlog, RingLimits},
    delivery::Delivery,
    metrics::Metrics,
    ring::Entry,
};
pub use command::{Address, NewConnection, Place, Relocation};
use command::{Command, Queue};
use worker::Worker;

/// Entries that may wait for one shard. Publishing waits beyond this, and with it the relay; the
/// log keeps what is not published yet.
const MOST_QUEUED: usize = 16_384;

/// How often publishing looks whether a shard has caught up.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// What shards are set up with.
#[derive(Clone)]
pub struct Settings {
    /// How many there are.
    pub shards: usize,
    /// What each ring may hold.
    pub ring: RingLimits,
    /// How far a connection may fall behind.
    pub backlog: Backlog,
    /// Time between two heartbeats.
    pub heartbeat: Duration,
    /// Time between two pings on a WebSocket.
    pub ping: Duration,
    /// How long a connection may take nothing.
    pub stall: Duration,
    /// Where it is noted what was written to whom.
    pub delivery: Delivery,
    /// Counts.
    pub metrics: Metrics,
}

/// Talks to the shards.
pub struct Shards {
    shards: Vec<Shard>,
    next: AtomicUsize,
}

struct Shard {
    queue: Arc<Queue>,
    state: Arc<State>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What a shard tells the outside.
#[derive(Default)]
struct State {
    streams: AtomicUsize,
    failed: AtomicBool,
}

/// Notices that the thread has ended without being asked to.
struct Watch(Arc<State>);

impl Drop for Watch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.failed.store(true, Ordering::Release);
            self.0.streams.store(0, Ordering::Release);
        }
    }
}

impl Shards {
    /// Starts the threads.
    pub fn start(settings: &Settings) -> io::Result<Self> {
        let shards = (0..settings.shards)
            .map(|number| {
                let state = Arc::new(State::default());
                let (worker, queue) = Worker::new(settings, state.clone())?;
                let watch = Watch(state.clone());
                let thread = Builder::new().name(format!("shard-{number}")).spawn(move || {
                    let _watch = watch;
                    worker.run();
                })?;
                Ok(Shard { queue, state, thread: Mutex::new(Some(thread)) })
            })
            .collect::<io::Result<_>>()?;
        Ok(Self { shards, next: AtomicUsize::new(0) })
    }

    /// Resolves when every shard can take more entries.
    pub async fn room(&self) {
        while self.living().any(|shard| shard.queue.entries() > MOST_QUEUED) {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Gives entries to all shards. The caller sees to it that they go to the hub's own ring at
    /// the same time, so that positions mean the same everywhere.
    pub fn publish(&self, entries: &Arc<[Arc<Entry>]>) {
        for shard in self.living() {
            shard.queue.send(Command::Publish(entries.clone()));
        }
    }

    /// Tells all shards that the log goes on after `head`, with a hole before it.
    pub fn restart(&self, head: EventId) {
        for shard in self.living() {
            shard.queue.send(Command::Restart(head));
        }
    }

    /// Gives a connection to the next shard.
    pub fn add(&self, connection: NewConnection) {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let in_turn = (0..self.shards.len()).map(|turn| (first + turn) % self.shards.len());
        if let Some(shard) = in_turn.map(|at| &self.shards[at]).find(|shard| shard.is_alive()) {
            shard.state.streams.fetch_add(1, Ordering::Relaxed);
            shard.queue.send(Command::Add(Box::new(connection)));
        }
    }

    /// Asks all connections to end, spread over a window.
    pub fn drain(&self, window: Duration) {
        for shard in self.living() {
            shard.queue.send(Command::Drain(window));
        }
    }

    /// Ends the streams of a user whose sessions are over, and tells them why.
    pub fn end_sessions(&self, ended: &SessionEnded) {
        for shard in self.living() {
            shard.queue.send(Command::EndSessions(ended.clone()));
        }
    }

    /// How many connections there are.
    pub fn streams(&self) -> usize {
        self.shards.iter().map(|shard| shard.state.streams.load(Ordering::Acquire)).sum()
    }

    /// Whether a shard has panicked. Its clients have been cut and come back to the others, but
    /// a process in which that happened should be replaced.
    pub fn has_failed(&self) -> bool {
        self.shards.iter().any(|shard| !shard.is_alive())
    }

    /// Whether a connection would be taken.
    pub fn is_alive(&self) -> bool {
        self.living().next().is_some()
    }

    fn living(&self) -> impl Iterator<Item = &Shard> {
        self.shards.iter().filter(|shard| shard.is_alive())
    }
}

impl Shard {
    fn is_alive(&self) -> bool {
        !self.state.failed.load(Ordering::Acquire)
    }
}

impl Drop for Shards {
    /// Ends the threads, and with them whatever connections are left.
    fn drop(&mut self) {
        for shard in &self.shards {
            shard.queue.send(Command::Stop);
        }
        for shard in &self.shards {
            let thread = shard.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
            if thread.is_some_and(|thread| thread.join().is_err()) {
                tracing::error!("a shard had panicked");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_shard_that_panics_is_noticed_and_passed_over() {
        let settings = Settings {
            shards: 2,
            ring: RingLimits { events: 10, bytes: 1_000 },
            backlog: Backlog { events: 10, bytes: 1_000 },
            heartbeat: Duration::from_secs(15),
            ping: Duration::from_secs(15),
            stall: Duration::from_secs(30),
            delivery: Delivery::default(),
            metrics: Metrics::new(&prometheus::Registry::new()).unwrap(),
        };
        let shards = Shards::start(&settings).unwrap();
        assert!(!shards.has_failed());
        shards.shards[0].queue.send(Command::Panic);
        let deadline = Instant::now() + Duration::from_secs(10);
        while !shards.has_failed() {
            assert!(Instant::now() < deadline, "nobody noticed");
            std::thread::yield_now();
        }
        assert!(shards.is_alive(), "the other one goes on");
        assert_eq!(shards.living().count(), 1);
    }
}
