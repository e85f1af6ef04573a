//! [`FeedTask`]: keeps the feed, for all who talk to it.

use std::time::{Duration, Instant};

use common::{
    Backoff, Batch, Event, EventId,
    event::{LogPage, SESSION, SessionEnded, UnknownSet},
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{sleep_until, timeout_at},
};

use crate::{
    config::RING_EVENTS,
    event::ring::Entry,
    hub::Hub,
    log::{
        ahead::{Ahead, Reached},
        early::{Early, Pushed},
        known_sets::KnownSets,
        source::Source,
        upstream::{Upstream, UpstreamError},
    },
    metrics::Metrics,
};

/// The most events in one pull.
const PULL: u64 = 1_000;

const FIRST_RETRY: Duration = Duration::from_millis(100);
const LONGEST_RETRY: Duration = Duration::from_secs(2);

/// What is asked of the feed.
pub(super) enum Command {
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

impl FeedTask {
    /// One that takes these commands.
    pub(super) fn new(
        commands: mpsc::Receiver<Command>,
        loaded: watch::Sender<bool>,
        source: watch::Receiver<Source>,
        (upstream, hub, metrics): (Upstream, Hub, Metrics),
    ) -> Self {
        Self {
            commands,
            loaded,
            source,
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
        }
    }

    /// Keeps the feed until nobody can ask for anything any more.
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
        // One that is known comes from a message service that is a moment behind another one.
        if !self.is_known(&batch) {
            self.take_new(batch).await;
        }
        if let Some(answer) = answer {
            answer.send(self.last).ok();
        }
    }

    async fn take_new(&mut self, batch: Batch) {
        // What repeats what is here and does not hold its end may be of another log, one that was put
        // back from a copy. A set that is not known any more is as good as a gap: the log has both.
        let has_last = |batch: &Batch| batch.events.iter().any(|event| event.id == self.last);
        let goes_on = batch.after == self.last || has_last(&batch);
        if goes_on && let Ok(batch) = self.resolve(batch) {
            let new = batch.events.partition_point(|event| event.id <= self.last);
            self.append(&batch.events[new..]).await;
        } else {
            self.note_gap();
            self.pull().await;
        }
    }

    /// Whether a batch says nothing new.
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
