//! The feed: this service's copy of the end of the event log, without holes.
//!
//! Batches are pushed by the message service. One that continues the feed is appended; one that
//! leaves a gap makes the feed pull until nothing is missing. Pushes are only ever a hint: after
//! some silence the feed pulls on its own, and when somebody has waited for what they have heard of.

use std::time::{Duration, Instant};

use common::{
    Backoff, Batch, Event, EventId,
    event::{LogPage, SESSION, SessionEnded, UnknownSet},
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{sleep_until, timeout, timeout_at},
};

pub use super::ahead::Reached;
use super::{
    ahead::Ahead,
    known_sets::KnownSets,
    upstream::{Upstream, UpstreamError},
};
use crate::{config::RING_EVENTS, event::ring::Entry, hub::Hub, metrics::Metrics};

/// The most events in one pull.
const PULL: u64 = 1_000;

/// Commands that may wait. A full queue makes senders wait, and the relay behind them.
const QUEUE: usize = 64;

/// After this long without a push the feed pulls, in case pushes do not get through.
const SILENCE: Duration = Duration::from_secs(10);

const FIRST_RETRY: Duration = Duration::from_millis(100);
const LONGEST_RETRY: Duration = Duration::from_secs(2);

/// Talks to the feed. Clones talk to the same one.
#[derive(Clone)]
pub struct Feed {
    commands: mpsc::Sender<Command>,
    loaded: watch::Receiver<bool>,
}

enum Command {
    Apply(Batch, oneshot::Sender<EventId>),
    Reach(EventId, oneshot::Sender<Reached>),
}

/// The feed itself; [`run`](FeedTask::run) it.
pub struct FeedTask {
    commands: mpsc::Receiver<Command>,
    loaded: watch::Sender<bool>,
    upstream: Upstream,
    hub: Hub,
    metrics: Metrics,
    sets: KnownSets,
    /// The last id that the feed has.
    last: EventId,
    /// When the message service was last heard, by a push or a pull.
    heard: Instant,
    /// How many events to ask for at once. Where connections are cut, long answers never arrive and
    /// short ones do: it is halved when one does not arrive, and grows by an eighth with each that has
    /// as many.
    page: u64,
    /// While pulls fail: when to try again. Something may be missing.
    retry: Option<Instant>,
    ahead: Ahead,
    backoff: Backoff,
}

impl Feed {
    /// A feed into a hub, and its task.
    pub fn new(upstream: Upstream, hub: Hub, metrics: Metrics) -> (Self, FeedTask) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let (loaded, is_loaded) = watch::channel(false);
        let task = FeedTask {
            commands: receiver,
            loaded,
            upstream,
            hub,
            metrics,
            sets: KnownSets::default(),
            last: EventId::ZERO,
            heard: Instant::now(),
            page: PULL,
            retry: None,
            ahead: Ahead::default(),
            backoff: Backoff::new(FIRST_RETRY, LONGEST_RETRY),
        };
        (Self { commands: sender, loaded: is_loaded }, task)
    }

    /// Takes a batch; returns the last id that the feed then has, or nothing when it has ended.
    pub async fn apply(&self, batch: Batch) -> Option<EventId> {
        let (answer, last) = oneshot::channel();
        self.commands.send(Command::Apply(batch, answer)).await.ok()?;
        last.await.ok()
    }

    /// Catches up with a cursor that is ahead of the feed: a client may have it from an answer
    /// that overtook the push.
    pub async fn reach(&self, cursor: EventId) -> Reached {
        let (answer, reached) = oneshot::channel();
        if self.commands.send(Command::Reach(cursor, answer)).await.is_err() {
            return Reached::Unsure;
        }
        reached.await.unwrap_or(Reached::Unsure)
    }

    /// Whether the end of the log has been loaded.
    pub fn is_loaded(&self) -> bool {
        *self.loaded.borrow()
    }

    /// Waits until the end of the log has been loaded, but not longer than `patience`.
    pub async fn wait_loaded(&self, patience: Duration) -> bool {
        let mut loaded = self.loaded.clone();
        timeout(patience, loaded.wait_for(|loaded| *loaded))
            .await
            .is_ok_and(|loaded| loaded.is_ok())
    }
}

impl FeedTask {
    /// Keeps the feed until every [`Feed`] is gone.
    pub async fn run(mut self) {
        loop {
            // What a try has read that was cut off is not read again.
            let has_begun = self.last != EventId::ZERO;
            let read = if has_begun { self.catch_up().await } else { self.load().await };
            let Err(error) = read else { break };
            sleep_until(self.failed(&error).into()).await;
        }
        self.recovered();
        self.loaded.send_replace(true);
        tracing::info!(last_id = %self.last, "the event log is loaded");
        loop {
            self.metrics.contiguous.set(i64::from(self.retry.is_none()));
            let silent = self.retry.unwrap_or(self.heard + SILENCE);
            let pull_at = self.ahead.pull_at().map_or(silent, |asked| silent.min(asked));
            let mut decided = None;
            match timeout_at(pull_at.into(), self.commands.recv()).await {
                Ok(Some(Command::Apply(batch, answer))) => {
                    self.apply(batch).await;
                    answer.send(self.last).ok();
                }
                Ok(Some(Command::Reach(cursor, answer))) => self.ahead.add(cursor, answer),
                Ok(None) => return,
                Err(_) => {
                    self.pull().await;
                    // It began after all who wait had asked, so it decides for any number.
                    decided = Some(Reached::No);
                }
            }
            let unsure = self.retry.map(|_| Reached::Unsure);
            self.ahead.tell(self.last, unsure.or(decided));
        }
    }

    /// Fills the ring with the end of the log, page by page, as after a start. Clients that are further
    /// behind are served from the log. Should there be streams already, the hub tells all of them that
    /// they have missed something, and ends those that were let in by a credential, since the end of
    /// their session may be part of it: they show it again.
    async fn load(&mut self) -> Result<(), UpstreamError> {
        let page = self.upstream.events_tail(RING_EVENTS, self.page).await?;
        self.hub.restart(page.batch.after);
        self.last = page.batch.after;
        if self.take(page).await { Ok(()) } else { self.read_on().await }
    }

    /// Reads page after page, until nothing is missing.
    async fn read_on(&mut self) -> Result<(), UpstreamError> {
        loop {
            let page = self.upstream.events_after(self.last, self.page).await?;
            if self.take(page).await {
                return Ok(());
            }
        }
    }

    /// Appends a page. Returns whether it is the last one.
    async fn take(&mut self, page: LogPage) -> bool {
        if page.batch.events.len() as u64 >= self.page {
            self.page = (self.page + self.page.div_ceil(8)).min(PULL);
        }
        self.backoff.reset();
        let is_empty = page.batch.events.is_empty();
        self.sets.learn(&page.batch.sets);
        let (batch, missing) = page.batch.resolve_page();
        if missing > 0 {
            tracing::error!(last_id = %self.last, missing, "events are for sets of users that are lost");
        }
        self.append(&batch.events).await;
        is_empty || self.last >= page.head
    }

    async fn apply(&mut self, batch: Batch) {
        self.heard = Instant::now();
        let after = batch.after;
        // What repeats what is here and does not hold its end may be of another log, one that was put
        // back from a copy. A set that is not known any more is as good as a gap: the log has both.
        let goes_on = after == self.last || batch.events.iter().any(|event| event.id == self.last);
        if goes_on && let Ok(batch) = self.resolve(batch) {
            let new = batch.events.partition_point(|event| event.id <= self.last);
            self.append(&batch.events[new..]).await;
        } else {
            self.metrics.gaps.inc();
            tracing::debug!(last_id = %self.last, %after, "gap in the feed");
            self.pull().await;
        }
    }

    /// Has events name their audiences themselves.
    fn resolve(&mut self, batch: Batch) -> Result<Batch, UnknownSet> {
        self.sets.learn(&batch.sets);
        batch.resolve(|set| self.sets.get(set))
    }

    /// Pulls until nothing is missing, or the message service does not answer.
    async fn pull(&mut self) {
        match self.catch_up().await {
            Ok(()) => self.recovered(),
            Err(error) => {
                self.failed(&error);
            }
        }
    }

    /// Reads on from where it is; starts over where the log does not have that place.
    async fn catch_up(&mut self) -> Result<(), UpstreamError> {
        let read = self.read_on().await;
        if let Err(error @ (UpstreamError::Expired | UpstreamError::Unknown)) = read {
            tracing::warn!(last_id = %self.last, %error, "the feed starts over");
            return self.load().await;
        }
        read
    }

    async fn append(&mut self, events: &[Event]) {
        if let Some(last) = events.last() {
            self.last = last.id;
            self.metrics.events.inc_by(events.len() as u64);
            self.hub.publish(events.iter().map(Entry::durable)).await;
            for event in events.iter().filter(|event| event.kind == SESSION) {
                self.end_session(event);
            }
        }
    }

    fn end_session(&self, event: &Event) {
        match serde_json::from_str::<SessionEnded>(event.data.get()) {
            Ok(ended) => self.hub.end_sessions(&ended),
            Err(error) => {
                tracing::error!(id = %event.id, %error, "a session event is not readable");
            }
        }
    }

    /// Logged when it begins and when it ends. Returns when to try again.
    fn failed(&mut self, error: &UpstreamError) -> Instant {
        self.metrics.pull_failures.inc();
        if matches!(error, UpstreamError::CutOff(_)) {
            self.page = (self.page / 2).max(1);
        }
        if self.retry.is_none() {
            tracing::warn!(%error, "the event log cannot be read; trying again");
        }
        let retry = Instant::now() + self.backoff.next_delay();
        self.retry = Some(retry);
        retry
    }

    fn recovered(&mut self) {
        if self.retry.take().is_some() {
            tracing::info!(last_id = %self.last, "the event log is read again");
        }
        self.heard = Instant::now();
    }
}
