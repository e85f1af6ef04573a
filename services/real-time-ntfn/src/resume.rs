//! Where a stream begins: live, after its cursor, with some history, or with a `reset`.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use common::EventId;
use tokio::sync::Semaphore;

use crate::{
    feed::{Feed, Reached},
    frame,
    hub::{Hub, Subscriber},
    scope::Scope,
    upstream::{Upstream, UpstreamError},
};

/// A client that is further behind the ring than this loads anew: that costs less than replay.
const MAX_BEHIND: u64 = 5_000;

/// Events in one page from the log.
const PAGE: u64 = 1_000;

/// Clients that are served from the log at the same time; the others wait. When everyone returns
/// at once, the message service must not be asked by everyone at once.
const CATCH_UPS: usize = 8;

/// How long a client is kept waiting while this service starts.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where a client says that it stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cursor {
    /// It has none.
    None,
    /// After this event.
    At(EventId),
    /// It has one that is no id.
    Unreadable,
}

/// What a stream asks for.
pub struct Request {
    /// What it watches.
    pub scope: Scope,
    /// Where it stopped.
    pub cursor: Cursor,
    /// How many of the last messages it wants first, if it has no cursor.
    pub history: u32,
    /// What it calls itself.
    pub client_id: String,
}

/// How a stream begins.
pub struct Start {
    /// What is sent before anything of the hub's.
    pub preface: VecDeque<Bytes>,
    /// Its place in the hub.
    pub subscriber: Subscriber,
    /// For the metrics.
    pub from: &'static str,
}

/// Why a stream cannot begin now; the client comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotNow {
    /// The event log is not loaded yet.
    Starting,
    /// The message service is needed, and does not answer.
    Upstream,
}

/// Decides where streams begin.
pub struct Resume {
    hub: Hub,
    feed: Feed,
    upstream: Upstream,
    catch_ups: Semaphore,
}

/// A place to go on from, and what comes before it.
struct Place {
    subscriber: Subscriber,
    cursor: EventId,
    before: VecDeque<Bytes>,
    from: &'static str,
}

impl Resume {
    /// Decides for streams of this hub.
    pub fn new(hub: Hub, feed: Feed, upstream: Upstream) -> Self {
        Self { hub, feed, upstream, catch_ups: Semaphore::new(CATCH_UPS) }
    }

    /// Finds the place where a stream begins.
    pub async fn start(&self, request: Request) -> Result<Start, NotNow> {
        if !self.feed.wait_loaded(PATIENCE).await {
            return Err(NotNow::Starting);
        }
        let scope = request.scope;
        let place = match request.cursor {
            Cursor::Unreadable => self.reset(scope, "unknown"),
            Cursor::At(cursor) => self.after(cursor, scope).await?,
            Cursor::None if request.history > 0 => self.history(request.history, scope).await?,
            Cursor::None => self.live(scope),
        };
        let resumed = matches!(place.from, "ring" | "log");
        let mut preface = place.before;
        preface.push_front(frame::ready(&request.client_id, place.cursor, resumed));
        preface.push_front(frame::opening(place.cursor));
        Ok(Start { preface, subscriber: place.subscriber, from: place.from })
    }

    fn live(&self, scope: Scope) -> Place {
        loop {
            let cursor = self.hub.head();
            // The head is always in reach, but it may have moved on twice a ring meanwhile.
            if let Some(subscriber) = self.hub.subscribe(cursor, scope.clone()) {
                return Place { subscriber, cursor, before: VecDeque::new(), from: "live" };
            }
        }
    }

    fn reset(&self, scope: Scope, reason: &str) -> Place {
        let mut place = self.live(scope);
        place.before.push_back(frame::reset(reason, place.cursor));
        place.from = "reset";
        place
    }

    async fn after(&self, cursor: EventId, scope: Scope) -> Result<Place, NotNow> {
        if cursor > self.hub.head() {
            match self.feed.reach(cursor).await {
                Reached::Yes => {}
                Reached::No => return Ok(self.reset(scope, "unknown")),
                Reached::Unsure => return Err(NotNow::Upstream),
            }
        }
        if let Some(subscriber) = self.hub.subscribe(cursor, scope.clone()) {
            return Ok(Place { subscriber, cursor, before: VecDeque::new(), from: "ring" });
        }
        let turn = self.catch_ups.acquire().await;
        let place = self.catch_up(cursor, scope).await;
        drop(turn);
        place
    }

    /// Reads the difference between a cursor and the ring from the log.
    async fn catch_up(&self, cursor: EventId, scope: Scope) -> Result<Place, NotNow> {
        let (mut at, mut before, mut behind) = (cursor, VecDeque::new(), 0);
        loop {
            let page = match self.upstream.events_after(at, PAGE).await {
                Ok(page) => page,
                Err(UpstreamError::Expired) => return Ok(self.reset(scope, "expired")),
                Err(UpstreamError::Unknown) => return Ok(self.reset(scope, "unknown")),
                Err(UpstreamError::Unavailable(_)) => return Err(NotNow::Upstream),
            };
            behind += page.batch.events.len() as u64;
            if behind > MAX_BEHIND {
                return Ok(self.reset(scope, "too_far"));
            }
            let seen = page.batch.events.iter().filter(|event| scope.receives(&event.audience));
            before.extend(seen.map(frame::durable));
            let progress = page.batch.end();
            if let Some(subscriber) = self.hub.subscribe(progress, scope.clone()) {
                return Ok(Place { subscriber, cursor, before, from: "log" });
            }
            if progress == at {
                // The log ends before the ring begins: it is not the log the ring was filled from.
                return Ok(self.reset(scope, "unknown"));
            }
            at = progress;
        }
    }

    async fn history(&self, limit: u32, scope: Scope) -> Result<Place, NotNow> {
        let mut before = Vec::new();
        let mut cursor = None;
        for room in scope.rooms() {
            let history = self.upstream.history(room, limit).await;
            let batch = history.map_err(|_| NotNow::Upstream)?;
            let from = cursor.map_or(batch.after, |cursor: EventId| cursor.min(batch.after));
            cursor = Some(from);
            before.extend(batch.events);
        }
        before.sort_unstable_by_key(|event| event.id);
        let cursor = cursor.unwrap_or_else(|| self.hub.head());
        let mut place = self.after(cursor, scope).await?;
        // Messages that came after the cursor are in the history and on the stream: once is enough.
        let history = before.iter().filter(|event| event.id <= cursor).map(frame::durable);
        place.before = history.chain(place.before).collect();
        place.from = "history";
        Ok(place)
    }
}
