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
//! | [`HandOver`] | how a stream comes here |
//! | `index` | which connections an audience means |
//! | `wheel` | when each connection's heartbeat is due |
//! | `worker` | the loop |

pub mod command;
mod connection;
mod hand_over;
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
    event::ring::Entry,
    hub::Follower,
    metrics::Metrics,
    people::delivery::Delivery,
};
pub use command::NewConnection;
use command::{Address, Command, Ended, Queue};
pub use hand_over::HandOver;
use worker::Worker;

/// Entries that may wait for one shard, but never more than half of what a ring holds: a shard takes in
/// all that waits before it writes, and what had to leave the ring by then would reach nobody. Publishing
/// waits beyond this, and with it the relay; the log keeps what is not published yet.
const MOST_QUEUED: usize = 4_096;

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
    most_queued: usize,
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

impl Shards {
    /// Starts the threads.
    pub fn start(settings: &Settings) -> io::Result<Self> {
        let shards = (0..settings.shards)
            .map(|number| {
                let state = Arc::new(State::default());
                let (worker, queue) = Worker::new(settings, state.clone())?;
                let thread =
                    Builder::new().name(format!("shard-{number}")).spawn(move || worker.live())?;
                Ok(Shard { queue, state, thread: Mutex::new(Some(thread)) })
            })
            .collect::<io::Result<_>>()?;
        let most_queued = MOST_QUEUED.min(settings.ring.events / 2);
        Ok(Self { shards, next: AtomicUsize::new(0), most_queued })
    }

    /// Gives a connection to the next shard; without one that lives, it is closed.
    pub fn add(&self, connection: NewConnection) {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let in_turn = (0..self.shards.len()).map(|turn| (first + turn) % self.shards.len());
        let mut command = Command::Add(Box::new(connection));
        for shard in in_turn.map(|at| &self.shards[at]).filter(|shard| shard.is_alive()) {
            // Counted first: the shard may be done with it before this goes on.
            shard.state.streams.fetch_add(1, Ordering::Relaxed);
            match shard.queue.send(command) {
                Ok(()) => return,
                Err(Ended(refused)) => command = refused,
            }
        }
    }

    /// Whether a connection would be taken.
    pub fn is_alive(&self) -> bool {
        self.living().next().is_some()
    }

    fn living(&self) -> impl Iterator<Item = &Shard> {
        self.shards.iter().filter(|shard| shard.is_alive())
    }
}

impl Follower for Shards {
    fn has_room(&self) -> bool {
        self.living().all(|shard| shard.queue.entries() <= self.most_queued)
    }

    fn publish(&self, entries: &Arc<[Arc<Entry>]>) {
        for shard in self.living() {
            shard.queue.send(Command::Publish(entries.clone())).ok();
        }
    }

    fn restart(&self, head: EventId) {
        for shard in self.living() {
            shard.queue.send(Command::Restart(head)).ok();
        }
    }

    fn end_sessions(&self, ended: &SessionEnded) {
        for shard in self.living() {
            shard.queue.send(Command::EndSessions(ended.clone())).ok();
        }
    }

    fn drain(&self, window: Duration) {
        for shard in self.living() {
            shard.queue.send(Command::Drain(window)).ok();
        }
    }

    fn streams(&self) -> usize {
        self.living().map(|shard| shard.state.streams.load(Ordering::Acquire)).sum()
    }

    fn has_failed(&self) -> bool {
        self.shards.iter().any(|shard| !shard.is_alive())
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
            shard.queue.send(Command::Stop).ok();
        }
        for shard in &self.shards {
            let thread = shard.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
            if thread.is_some_and(|thread| thread.join().is_err()) {
                tracing::error!("a shard had panicked while it ended");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::VecDeque,
        io::Read,
        net::{TcpListener, TcpStream},
        time::Instant,
    };

    use bytes::Bytes;

    use super::*;
    use crate::{
        event::{
            connection_id::ConnectionId, frame::Framing, ring::Ring, scope::Scope, wire::Wire,
        },
        hub::Place,
        opening::admission::Admission,
    };

    fn start(shards: usize, registry: &prometheus::Registry) -> Shards {
        let settings = Settings {
            shards,
            ring: RingLimits { events: 10, bytes: 1_000 },
            backlog: Backlog { events: 10, bytes: 1_000 },
            heartbeat: Duration::from_secs(15),
            ping: Duration::from_secs(15),
            stall: Duration::from_secs(30),
            delivery: Delivery::default(),
            metrics: Metrics::new(registry).unwrap(),
        };
        Shards::start(&settings).unwrap()
    }

    fn wait_until(mut holds: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(120);
        while !holds() {
            assert!(Instant::now() < deadline, "it does not come to that");
            std::thread::yield_now();
        }
    }

    /// A client, and its connection.
    fn connect(admission: &Admission) -> (TcpStream, NewConnection) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        let (socket, peer) = listener.accept().unwrap();
        socket.set_nonblocking(true).unwrap();
        let position = Ring::new(RingLimits { events: 10, bytes: 1_000 }, EventId::ZERO).end();
        let connection = NewConnection {
            socket,
            preface: VecDeque::from([Bytes::from_static(b"hello")]),
            preface_up_to: None,
            scope: Scope::public(),
            wire: Wire::Sse,
            framing: Framing::Bare,
            id: ConnectionId::next(),
            talk: None,
            place: Place { position, live_from: position, generation: 0 },
            permit: admission.admit(peer.ip()).ok().unwrap(),
            client_id: "test".to_owned(),
            arrival: None,
        };
        (client, connection)
    }

    #[test]
    fn a_shard_that_panics_is_noticed_and_passed_over() {
        let shards = start(2, &prometheus::Registry::new());
        assert!(!shards.has_failed());
        shards.shards[0].queue.send(Command::Panic).ok();
        wait_until(|| shards.has_failed());
        assert!(shards.is_alive(), "the other one goes on");
        assert_eq!(shards.living().count(), 1);
    }

    #[test]
    fn a_shard_that_panics_holds_no_connection_whenever_that_came() {
        let registry = prometheus::Registry::new();
        let shards = start(1, &registry);
        let admission = Admission::new(10, 0, usize::MAX, false);
        let queue = &shards.shards[0].queue;
        let (mut before, connection) = connect(&admission);
        shards.add(connection);
        before.read_exact(&mut [0; 5]).unwrap();
        let (with, connection) = connect(&admission);
        queue.send(Command::Panic).ok();
        queue.send(Command::Add(Box::new(connection))).ok();
        wait_until(|| shards.has_failed());
        // Whoever had looked before it failed comes now, or even later.
        let (after, connection) = connect(&admission);
        queue.send(Command::Add(Box::new(connection))).ok();
        wait_until(|| shards.shards[0].thread.lock().unwrap().as_ref().unwrap().is_finished());
        let (later, connection) = connect(&admission);
        queue.send(Command::Add(Box::new(connection))).ok();
        for mut client in [before, with, after, later] {
            assert_eq!(client.read(&mut [0]).unwrap(), 0, "it is kept without an end");
        }
        assert_eq!(shards.streams(), 0);
        let permits: Vec<_> =
            (0..10).map_while(|_| admission.admit([127, 0, 0, 1].into()).ok()).collect();
        assert_eq!(permits.len(), 10, "some are held");
        let open = registry.gather().into_iter().find(|it| it.name() == "realtalk_streams");
        assert!(open.unwrap().get_metric()[0].get_gauge().get_value().abs() < f64::EPSILON);
    }
}
