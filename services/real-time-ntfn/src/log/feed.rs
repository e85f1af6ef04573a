//! The feed: this service's copy of the end of the event log, without holes.
//!
//! Batches are pushed by the message services, or come over Redis. One that continues the feed is appended. One
//! that leaves a gap waits a moment for what another message service may be telling; then the feed pulls until
//! nothing is missing. Pushes are only ever a hint: after some silence the feed pulls on its own, and when
//! somebody has waited for what they have heard of.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use common::{
    Backoff, Batch, Event, EventId,
    event::{LogPage, SESSION, SessionEnded, UnknownSet},
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{sleep_until, timeout, timeout_at},
};

use super::{
    ahead::Ahead,
    early::{Early, Pushed},
    known_sets::KnownSets,
    upstream::{Upstream, UpstreamError},
};
pub use super::{ahead::Reached, source::Source};
use crate::{config::RING_EVENTS, event::ring::Entry, hub::Hub, metrics::Metrics};

/// The most events in one pull.
const PULL: u64 = 1_000;

/// Commands that may wait. A full queue makes senders wait, and the relay behind them.
const QUEUE: usize = 64;

const FIRST_RETRY: Duration = Duration::from_millis(100);
const LONGEST_RETRY: Duration = Duration::from_secs(2);

/// Talks to the feed. Clones talk to the same one.
#[derive(Clone)]
pub struct Feed {
    commands: mpsc::Sender<Command>,
    loaded: watch::Receiver<bool>,
    source: Arc<watch::Sender<Source>>,
}

enum Command {
    Apply(Pushed),
    Reach(EventId, oneshot::Sender<Reached>),
}

/// The feed itself; [`run`](FeedTask::run) it.
pub struct FeedTask {
    commands: mpsc::Receiver<Command>,
    loaded: watch::Sender<bool>,
    source: watch::Receiver<Source>,
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
    early: Early,
    backoff: Backoff,
}

impl Feed {
    /// A feed into a hub, and its task.
    pub fn new(source: Source, upstream: Upstream, hub: Hub, metrics: Metrics) -> (Self, FeedTask) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let (loaded, is_loaded) = watch::channel(false);
        let (source, current) = watch::channel(source);
        let task = FeedTask {
            commands: receiver,
            loaded,
            source: current,
            upstream,
            hub,
            metrics,
            sets: KnownSets::default(),
            last: EventId::ZERO,
            heard: Instant::now(),
            page: PULL,
            retry: None,
            ahead: Ahead::default(),
            early: Early::default(),
            backoff: Backoff::new(FIRST_RETRY, LONGEST_RETRY),
        };
        (Self { commands: sender, loaded: is_loaded, source: Arc::new(source) }, task)
    }

    /// Takes a batch; returns the last id that the feed then has, or nothing when it has ended.
    pub async fn apply(&self, batch: Batch) -> Option<EventId> {
        let (answer, last) = oneshot::channel();
        self.commands.send(Command::Apply(Pushed { batch, answer: Some(answer) })).await.ok()?;
        last.await.ok()
    }

    /// Takes a batch if there is room for it. If there is none, the next one shows that it is missing.
    pub fn offer(&self, batch: Batch) {
        self.commands.try_send(Command::Apply(Pushed { batch, answer: None })).ok();
    }

    /// How what is committed comes from now on; what came before may have been missed.
    pub fn listen_to(&self, source: Source) {
        self.source.send_replace(source);
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
            // Not marked as seen: it may have changed while something was read.
            let source = *self.source.borrow();
            let silent = self.retry.unwrap_or(self.heard + source.silence());
            let due = [self.ahead.pull_at(), self.early.pull_at()];
            let pull_at = due.into_iter().flatten().fold(silent, Instant::min);
            let mut decided = None;
            let next = tokio::select! {
                biased;
                // Something may have been told before that was listened to.
                Ok(()) = self.source.changed() => None,
                next = timeout_at(pull_at.into(), self.commands.recv()) => next.ok(),
            };
            match next {
                Some(Some(Command::Apply(pushed))) => self.apply(pushed).await,
                Some(Some(Command::Reach(cursor, answer))) => self.ahead.add(cursor, answer),
                Some(None) => return,
                None => {
                    self.fill_gap().await;
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

    /// Takes a batch, and those that have waited for it.
    async fn apply(&mut self, pushed: Pushed) {
        // Who is behind knows nothing of what this feed may have missed.
        if pushed.batch.end() >= self.last {
            self.heard = Instant::now();
        }
        if pushed.batch.after > self.last {
            // While the log cannot be read, one waits for that, whatever comes over Redis; who sends a request is there.
            return match (self.retry, *self.source.borrow()) {
                (Some(_), Source::Bus | Source::LostBus) => pushed.answer(self.last),
                _ => self.early.add(pushed),
            };
        }
        self.take_pushed(pushed).await;
        self.take_early().await;
    }

    async fn take_early(&mut self) {
        while let Some(pushed) = self.early.next(self.last) {
            self.take_pushed(pushed).await;
        }
    }

    /// Pulls what has not been pushed in time, if anything.
    async fn fill_gap(&mut self) {
        if self.early.pull_at().is_some() {
            self.note_gap();
        }
        self.pull().await;
        self.take_early().await;
        for pushed in self.early.give_up() {
            pushed.answer(self.last);
        }
    }

    fn note_gap(&self) {
        self.metrics.gaps.inc();
        tracing::debug!(last_id = %self.last, "gap in the feed");
    }

    async fn take_pushed(&mut self, Pushed { batch, answer }: Pushed) {
        // What repeats what is here and does not hold its end may be of another log, one that was put
        // back from a copy. A set that is not known any more is as good as a gap: the log has both.
        let has_last = |batch: &Batch| batch.events.iter().any(|event| event.id == self.last);
        let goes_on = batch.after == self.last || has_last(&batch);
        if self.is_known(&batch) {
            // From a message service that is a moment behind another one.
        } else if goes_on && let Ok(batch) = self.resolve(batch) {
            let new = batch.events.partition_point(|event| event.id <= self.last);
            self.append(&batch.events[new..]).await;
        } else {
            self.note_gap();
            self.pull().await;
        }
        if let Some(answer) = answer {
            answer.send(self.last).ok();
        }
    }

    /// Whether a batch says nothing new: it comes from a message service that is a moment behind another one.
    fn is_known(&self, batch: &Batch) -> bool {
        match batch.events.as_slice() {
            // On a channel with all others, it is one of many. A service that has no other may have been put back
            // to what it was once, and says so with its first words.
            [] => batch.after < self.last && *self.source.borrow() != Source::Requests,
            events => events.iter().all(|event| self.hub.contains(event.id)),
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
