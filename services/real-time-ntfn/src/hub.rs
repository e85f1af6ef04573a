//! [`Hub`]: where events meet streams.
//!
//! Publishing appends to the ring and returns; it waits for no stream. Every stream reads the ring
//! from a position of its own, so a slow one is only ever behind, never in the way.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use common::EventId;
use futures_util::task::AtomicWaker;
use tokio::sync::{Notify, watch};

use crate::{
    config::{Backlog, RingLimits},
    frame,
    metrics::Metrics,
    ring::{Entry, Position, Ring},
    scope::Scope,
};

/// Streams take frames in pieces of about this size. actix keeps a write buffer at the size it
/// once grew to, and a long replay must not leave every stream with a large one.
const PIECE_BYTES: usize = 4_096;

/// Streams closed per second when the service stops, at least: few streams need no long drain.
const DRAIN_PACE: f64 = 100.0;

/// Owns the ring and knows every stream. Clones are the same hub.
#[derive(Clone)]
pub struct Hub {
    shared: Arc<Shared>,
}

struct Shared {
    state: RwLock<State>,
    /// Who waits for the next entry.
    wakers: Mutex<HashMap<u64, Arc<AtomicWaker>>>,
    next_key: AtomicU64,
    published: Notify,
    left: Notify,
    drain: watch::Sender<Option<Duration>>,
    draining: AtomicBool,
    backlog: Backlog,
    metrics: Metrics,
}

struct State {
    ring: Ring,
    /// Counts the times that the ring was restarted, which leaves a hole in every stream.
    generation: u64,
}

impl Hub {
    /// A hub without events. [`run`](Hub::run) it.
    pub fn new(limits: RingLimits, backlog: Backlog, metrics: Metrics) -> Self {
        let state = State { ring: Ring::new(limits, EventId::ZERO), generation: 0 };
        let shared = Shared {
            state: RwLock::new(state),
            wakers: Mutex::default(),
            next_key: AtomicU64::new(0),
            published: Notify::new(),
            left: Notify::new(),
            drain: watch::Sender::new(None),
            draining: AtomicBool::new(false),
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
            let wakers: Vec<_> = self.wakers().values().cloned().collect();
            for waker in wakers {
                waker.wake();
            }
        }
    }

    /// Gives entries to all streams, in this order.
    pub fn publish(&self, entries: impl IntoIterator<Item = Entry>) {
        let mut state = self.write();
        for entry in entries {
            state.ring.push(Arc::new(entry));
        }
        drop(state);
        self.shared.published.notify_one();
    }

    /// Goes on after `head` without what lies between: every stream gets a `reset`.
    pub fn restart(&self, head: EventId) {
        let mut state = self.write();
        state.ring.restart(head);
        state.generation += 1;
        drop(state);
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

    /// A stream that goes on after `cursor`, unless the ring no longer reaches back to it.
    pub fn subscribe(&self, cursor: EventId, scope: Scope) -> Option<Subscriber> {
        let state = self.read();
        let position = state.ring.after(cursor)?;
        let (end, generation) = (state.ring.end(), state.generation);
        drop(state);
        let key = self.shared.next_key.fetch_add(1, Ordering::Relaxed);
        let waker = Arc::new(AtomicWaker::new());
        self.wakers().insert(key, waker.clone());
        let drain = self.shared.drain.subscribe();
        let hub = self.clone();
        Some(Subscriber { hub, key, waker, drain, scope, position, replay_end: end, generation })
    }

    /// How many streams there are.
    pub fn streams(&self) -> usize {
        self.wakers().len()
    }

    /// Whether streams are being closed.
    pub fn is_draining(&self) -> bool {
        self.shared.draining.load(Ordering::Acquire)
    }

    /// Asks all streams to end, spread over a window that is `longest` or what their number
    /// needs; returns when they have, or the window has passed.
    pub async fn drain(&self, longest: Duration) {
        self.shared.draining.store(true, Ordering::Release);
        let streams = self.streams();
        let window = longest.min(Duration::from_secs_f64(streams as f64 / DRAIN_PACE));
        if streams > 0 {
            tracing::info!(streams, window_secs = window.as_secs_f32(), "closing the streams");
        }
        self.shared.drain.send_replace(Some(window));
        self.shared.published.notify_one();
        let empty = async {
            loop {
                let left = self.shared.left.notified();
                if self.streams() == 0 {
                    return;
                }
                left.await;
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

    fn wakers(&self) -> MutexGuard<'_, HashMap<u64, Arc<AtomicWaker>>> {
        self.shared.wakers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One stream's place in the hub; leaves it when dropped.
pub struct Subscriber {
    hub: Hub,
    key: u64,
    waker: Arc<AtomicWaker>,
    drain: watch::Receiver<Option<Duration>>,
    scope: Scope,
    position: Position,
    /// What lies before this is replay, which may be long; what comes after it is backlog.
    replay_end: Position,
    generation: u64,
}

/// What a stream does next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Send these bytes.
    Send(Bytes),
    /// Close: the client is too slow, and will resume by id.
    Lagged,
}

impl Subscriber {
    /// The next frames for this stream, or when they come.
    pub fn poll_step(&mut self, context: &Context<'_>) -> Poll<Step> {
        // Registered before looking, so that nothing published in between is missed.
        self.waker.register(context.waker());
        self.step().map_or(Poll::Pending, Poll::Ready)
    }

    /// How long the stream may take to end, once the service stops.
    pub fn drain_window(&self) -> Option<Duration> {
        *self.drain.borrow()
    }

    fn step(&mut self) -> Option<Step> {
        let hub = self.hub.clone();
        let state = hub.read();
        if self.generation != state.generation {
            self.generation = state.generation;
            self.position = state.ring.end();
            self.replay_end = self.position;
            return Some(Step::Send(frame::reset("expired", state.ring.head())));
        }
        let Some(lag) = state.ring.lag(self.position.max(self.replay_end)) else {
            return Some(Step::Lagged);
        };
        let Backlog { events, bytes } = hub.shared.backlog;
        let entries = state.ring.read(self.position);
        let (false, Some(entries)) = (lag.events > events || lag.bytes > bytes, entries) else {
            return Some(Step::Lagged);
        };
        let mut piece = Piece::default();
        for (entry, next) in entries {
            let replay = self.position < self.replay_end;
            // What is not in the log was for those who were there.
            let missed = replay && entry.id.is_none();
            if !missed && self.scope.receives(&entry.audience) {
                if !piece.has_room(&entry.sse) {
                    break;
                }
                piece.add(&entry.sse);
                hub.shared.metrics.replayed.inc_by(u64::from(replay));
            }
            self.position = next;
        }
        piece.into_bytes().map(Step::Send)
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.hub.wakers().remove(&self.key);
        self.hub.shared.left.notify_waiters();
    }
}

/// Frames that go out together. A single one is shared, not copied.
#[derive(Default)]
enum Piece {
    #[default]
    Empty,
    One(Bytes),
    Many(BytesMut),
}

impl Piece {
    fn has_room(&self, frame: &Bytes) -> bool {
        match self {
            Self::Empty => true,
            Self::One(first) => first.len() + frame.len() <= PIECE_BYTES,
            Self::Many(frames) => frames.len() + frame.len() <= PIECE_BYTES,
        }
    }

    fn add(&mut self, frame: &Bytes) {
        *self = match std::mem::take(self) {
            Self::Empty => Self::One(frame.clone()),
            Self::One(first) => {
                let mut frames = BytesMut::with_capacity(PIECE_BYTES);
                frames.extend_from_slice(&first);
                frames.extend_from_slice(frame);
                Self::Many(frames)
            }
            Self::Many(mut frames) => {
                frames.extend_from_slice(frame);
                Self::Many(frames)
            }
        };
    }

    fn into_bytes(self) -> Option<Bytes> {
        match self {
            Self::Empty => None,
            Self::One(frame) => Some(frame),
            Self::Many(frames) => Some(frames.freeze()),
        }
    }
}

#[cfg(test)]
mod tests {
    use common::{Audience, event::PUBLIC_ROOM};
    use futures_util::task::noop_waker;

    use super::*;

    fn hub(backlog: Backlog) -> Hub {
        let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
        Hub::new(RingLimits { events: 100, bytes: 1 << 20 }, backlog, metrics)
    }

    fn entry(micros: u64, text: &str) -> Entry {
        Entry {
            id: EventId::from_micros(micros),
            audience: Audience::Room(PUBLIC_ROOM.to_owned()),
            sse: Bytes::copy_from_slice(text.as_bytes()),
        }
    }

    fn subscribe(hub: &Hub, cursor: u64) -> Subscriber {
        let cursor = EventId::from_micros(cursor).unwrap();
        hub.subscribe(cursor, Scope::parse(None).unwrap()).unwrap()
    }

    fn step(subscriber: &mut Subscriber) -> Poll<Step> {
        subscriber.poll_step(&Context::from_waker(&noop_waker()))
    }

    fn send(text: &'static str) -> Poll<Step> {
        Poll::Ready(Step::Send(Bytes::from_static(text.as_bytes())))
    }

    #[test]
    fn a_stream_gets_what_lies_after_its_cursor_and_then_what_comes() {
        let hub = hub(Backlog { events: 10, bytes: 1_000 });
        hub.publish([entry(1, "a"), entry(2, "b"), entry(3, "c")]);
        let mut stream = subscribe(&hub, 1);
        assert_eq!(step(&mut stream), send("bc"));
        assert_eq!(step(&mut stream), Poll::Pending);
        hub.publish([entry(4, "d")]);
        assert_eq!(step(&mut stream), send("d"));
    }

    #[test]
    fn what_is_not_in_the_log_is_not_replayed() {
        let hub = hub(Backlog { events: 10, bytes: 1_000 });
        hub.publish([entry(1, "a"), Entry { id: None, ..entry(0, "-") }, entry(2, "b")]);
        let mut stream = subscribe(&hub, 0);
        hub.publish([Entry { id: None, ..entry(0, "+") }]);
        assert_eq!(step(&mut stream), send("ab+"));
    }

    #[test]
    fn only_what_came_after_the_start_counts_as_backlog() {
        let hub = hub(Backlog { events: 2, bytes: 1_000 });
        hub.publish((1..=50).map(|at| entry(at, "x")));
        let mut stream = subscribe(&hub, 0);
        hub.publish([entry(51, "y"), entry(52, "z")]);
        let Poll::Ready(Step::Send(bytes)) = step(&mut stream) else { panic!("no replay") };
        assert_eq!(bytes.len(), 52);
        hub.publish([entry(53, "a"), entry(54, "b"), entry(55, "c")]);
        assert_eq!(step(&mut stream), Poll::Ready(Step::Lagged));
    }

    #[test]
    fn a_restart_tells_every_stream_and_goes_on() {
        let hub = hub(Backlog { events: 10, bytes: 1_000 });
        let mut stream = subscribe(&hub, 0);
        hub.restart(EventId::from_micros(500).unwrap());
        hub.publish([entry(501, "a")]);
        let Poll::Ready(Step::Send(bytes)) = step(&mut stream) else { panic!("no reset") };
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        assert!(text.contains("reset") && text.contains("19700101000000.000501"), "{text}");
        assert_eq!(step(&mut stream), Poll::Pending);
    }

    #[test]
    fn a_stream_that_is_dropped_has_left() {
        let hub = hub(Backlog { events: 10, bytes: 1_000 });
        let stream = subscribe(&hub, 0);
        assert_eq!(hub.streams(), 1);
        drop(stream);
        assert_eq!(hub.streams(), 0);
    }
}
