//! [`Hub`]: where events meet streams.
//!
//! Publishing appends to the ring and returns; it waits for no stream. Every stream reads a ring
//! from a position of its own, so a slow one is only ever behind, never in the way.
//!
//! A stream reads the hub's own ring, or leaves it for a [`Follower`], which has a copy. Both are told
//! the same things in the same order, so a position means the same everywhere.

mod arrival;
mod follower;
mod piece;
mod place;
mod seat;
mod subscriber;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};

use common::{EventId, event::SessionEnded};
use futures_util::FutureExt;
use tokio::sync::{Notify, watch};

use crate::{
    config::{Backlog, RingLimits},
    event::{
        audiences::Audiences,
        connection_id::ConnectionId,
        frame::Block,
        ring::{Entry, Ring},
        scope::Scope,
        wire::Wire,
    },
    metrics::Metrics,
};
pub use arrival::Arrival;
use arrival::Arrivals;
pub use follower::Follower;
pub use place::Place;
use seat::Seat;
pub use subscriber::{Step, Subscriber};

/// How often publishing looks whether the follower has caught up.
const ROOM_AGAIN: Duration = Duration::from_millis(1);

/// How often a drain looks how many streams are left.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Streams closed per second when the service stops, at least: few streams need no long drain.
const DRAIN_PACE: f64 = 100.0;

/// Owns the ring and knows every stream. Clones are the same hub.
#[derive(Clone)]
pub struct Hub {
    shared: Arc<Shared>,
}

struct Shared {
    state: RwLock<State>,
    /// What entries share with those before them.
    shares: Mutex<Shares>,
    /// Streams that do not stand in either yet, and the sessions that end meanwhile.
    arrivals: Arrivals,
    /// Streams that have not left for the follower.
    seats: Mutex<Seats>,
    published: Notify,
    follower: Option<Arc<dyn Follower>>,
    /// The window over which streams end, once the service stops.
    drain: watch::Sender<Option<Duration>>,
    backlog: Backlog,
    metrics: Metrics,
}

/// What entries share with those before them.
#[derive(Default)]
struct Shares {
    audiences: Audiences,
    block: Block,
}

type Seats = HashMap<ConnectionId, Arc<Seat>>;

struct State {
    ring: Ring,
    /// Counts the times that the ring was restarted, which leaves a hole in every stream.
    generation: u64,
}

impl Hub {
    /// A hub without events. [`run`](Hub::run) it. With a `follower`, streams may leave it
    /// for that.
    pub fn new(
        limits: RingLimits,
        backlog: Backlog,
        metrics: Metrics,
        follower: Option<Arc<dyn Follower>>,
    ) -> Self {
        let state = State { ring: Ring::new(limits, EventId::ZERO), generation: 0 };
        let shared = Shared {
            state: RwLock::new(state),
            shares: Mutex::default(),
            arrivals: Arrivals::default(),
            seats: Mutex::default(),
            published: Notify::new(),
            follower,
            drain: watch::Sender::new(None),
            backlog,
            metrics,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Wakes streams whenever something was published. A task of its own does this, so that a
    /// burst of events wakes each stream once, and publishing costs the same for any number.
    pub async fn run(self) {
        loop {
            self.shared.published.notified().await;
            let seats: Vec<_> = self.seats().values().cloned().collect();
            for seat in seats {
                seat.wake();
            }
        }
    }

    /// Gives entries to all streams, in this order. Waits only when the follower has more to
    /// do than it can queue.
    pub async fn publish(&self, entries: impl IntoIterator<Item = Entry>) {
        let entries = self.share(entries);
        while self.shared.follower.as_ref().is_some_and(|follower| !follower.has_room()) {
            tokio::time::sleep(ROOM_AGAIN).await;
        }
        let mut state = self.write();
        for entry in entries.iter() {
            state.ring.push(entry.clone());
        }
        // Under the lock, so that all rings hold the same in the same order.
        if let Some(follower) = &self.shared.follower {
            follower.publish(&entries);
        }
        drop(state);
        self.shared.published.notify_one();
    }

    /// Gives passing facts to all streams, unless the follower has as much to do as it can queue:
    /// then whatever is in the log comes first, and these are dropped. Returns whether they went
    /// out.
    pub fn offer(&self, entries: Vec<Entry>) -> bool {
        // Publishing waits for nothing but room; a future that is not polled again has done nothing.
        entries.is_empty() || self.publish(entries).now_or_never().is_some()
    }

    fn share(&self, entries: impl IntoIterator<Item = Entry>) -> Arc<[Arc<Entry>]> {
        let mut shares = self.shared.shares.lock().unwrap_or_else(PoisonError::into_inner);
        let Shares { audiences, block } = &mut *shares;
        let share = |entry: Entry| {
            let mut entry = entry.packed(block);
            entry.audience = audiences.share(&entry.audience);
            Arc::new(entry)
        };
        entries.into_iter().map(share).collect()
    }

    /// Goes on after `head` without what lies between: every stream gets a `reset`, and those that
    /// a credential let in end, since the end of its session may lie between.
    pub fn restart(&self, head: EventId) {
        // First of all: who is found nowhere else below is on their way, and told by this.
        self.shared.arrivals.miss();
        let mut state = self.write();
        state.ring.restart(head);
        state.generation += 1;
        if let Some(follower) = &self.shared.follower {
            follower.restart(head);
        }
        drop(state);
        for seat in self.seats().values() {
            seat.end_if_authenticated();
        }
        self.shared.published.notify_one();
    }

    /// The last id of the log that has been published.
    pub fn head(&self) -> EventId {
        self.read().ring.head()
    }

    /// Whether an event of the log is in the ring.
    pub fn contains(&self, id: EventId) -> bool {
        self.read().ring.contains(id)
    }

    /// Somebody comes: before they are asked who they are, so that no end of their session is
    /// missed before their stream stands.
    pub fn expect(&self) -> Arrival {
        self.shared.arrivals.begin()
    }

    /// A stream that goes on after `cursor`, unless the ring no longer reaches back to it.
    pub fn subscribe(&self, cursor: EventId, scope: Scope) -> Option<Subscriber> {
        let state = self.read();
        let position = state.ring.after(cursor)?;
        let (end, generation) = (state.ring.end(), state.generation);
        drop(state);
        let id = ConnectionId::next();
        let seat = Arc::new(Seat::new(scope.clone()));
        self.seats().insert(id, seat.clone());
        let drain = self.shared.drain.subscribe();
        let hub = self.clone();
        let (wire, unnoted) = (Wire::Sse, None);
        Some(Subscriber {
            hub,
            id,
            seat,
            drain,
            scope,
            wire,
            position,
            replay_end: end,
            generation,
            unnoted,
            arrival: None,
        })
    }

    /// Ends the streams of a user whose sessions are over, and tells them why.
    pub fn end_sessions(&self, ended: &SessionEnded) {
        // In this order: a stream that is found in none of these stands in the next one.
        self.shared.arrivals.end(ended);
        for seat in self.seats().values() {
            seat.end_if_of(ended);
        }
        if let Some(follower) = &self.shared.follower {
            follower.end_sessions(ended);
        }
    }

    /// How many streams there are. One that goes from here to a shard is in both for a moment, and
    /// counts twice: permits say exactly how many there are.
    pub fn streams(&self) -> usize {
        self.seats().len() + self.shared.follower.as_ref().map_or(0, |follower| follower.streams())
    }

    /// Whether a part of the follower has failed.
    pub fn has_failed(&self) -> bool {
        self.shared.follower.as_ref().is_some_and(|follower| follower.has_failed())
    }

    /// Whether streams are being closed.
    pub fn is_draining(&self) -> bool {
        self.shared.drain.borrow().is_some()
    }

    /// Asks all streams to end, spread over a window that is `longest` or what their number
    /// needs; returns when they have, or the window has passed.
    pub async fn drain(&self, longest: Duration) {
        self.shared.metrics.draining.set(1);
        let streams = self.streams();
        let window = longest.min(Duration::from_secs_f64(streams as f64 / DRAIN_PACE));
        if streams > 0 {
            let window_secs = (window.as_secs_f64() * 1_000.0).round() / 1_000.0;
            tracing::info!(streams, window_secs, "closing the streams");
        }
        self.shared.drain.send_replace(Some(window));
        self.shared.published.notify_one();
        if let Some(follower) = &self.shared.follower {
            follower.drain(window);
        }
        let empty = async {
            while self.streams() > 0 {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        // Streams whose clients take nothing cannot say goodbye; the server ends them.
        const GRACE: Duration = Duration::from_millis(500);
        if tokio::time::timeout(window + GRACE, empty).await.is_err() {
            tracing::warn!(streams = self.streams(), "streams that take nothing are cut");
        }
    }

    // A panic while a lock is held is a bug in the few lines that hold it; the data are whole
    // between any two of them, so going on is right.
    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.shared.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.shared.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.shared.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
