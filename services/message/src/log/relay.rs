//! The relay: tells the notification services what has been committed.
//!
//! Pushing is an optimisation. The log is the truth, and the receiver pulls what it misses, so
//! the relay keeps no queue of its own: when it falls behind, it forgets old batches and announces
//! the newest id. It never makes a post wait.

use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

use common::{Backoff, Batch};
use http_kit::Shutdown;
use tokio::sync::mpsc;

use super::{
    downstream::{Downstream, NotTaken},
    head::Head,
    pending::Pending,
};
use crate::metrics::Metrics;

/// Batches that may wait for the relay.
pub const QUEUE: usize = 64;

const FIRST_RETRY: Duration = Duration::from_millis(100);
const LONGEST_RETRY: Duration = Duration::from_secs(2);

/// Tries before an outage is worth a line in the log: services that start together find each
/// other within this.
const QUIET_TRIES: u32 = 4;

/// How long nobody on Redis may hear anything before that is worth a line: services that start together have begun to
/// listen within this.
const UNHEARD: Duration = Duration::from_secs(30);

/// What remains to be pushed when the service stops gets this long: requests under way have five seconds of it.
const LAST_PUSHES: Duration = Duration::from_secs(6);

/// Where committed batches go in, for every relay.
#[derive(Clone)]
pub struct Outlets(Vec<mpsc::Sender<Batch>>);

impl Outlets {
    /// So many, and what each of the relays takes out.
    pub fn new(relays: usize) -> (Self, Vec<mpsc::Receiver<Batch>>) {
        let (ends, others) = (0..relays).map(|_| mpsc::channel(QUEUE)).unzip();
        (Self(ends), others)
    }

    /// Offers a batch. One without room is behind, and sees by the head that something is missing.
    pub(super) fn offer(&self, batch: Batch) {
        let Some((last, others)) = self.0.split_last() else { return };
        for outlet in others {
            outlet.try_send(batch.clone()).ok();
        }
        last.try_send(batch).ok();
    }
}

/// Pushes committed batches to one notification service, or to Redis for all of them. Each has its own, so that one
/// that does not answer delays no other.
pub struct Relay {
    downstream: Downstream,
    committed: mpsc::Receiver<Batch>,
    head: Head,
    pending: Pending,
    /// Whether the service has taken what it was told last.
    is_up: bool,
    /// Since when Redis has had nobody to give something to, and whether that has been said.
    unheard: Option<(Instant, bool)>,
    metrics: Metrics,
}

impl Relay {
    /// A relay for what is committed from now on. `head` tells how far the log goes, whoever writes to it.
    pub fn new(
        downstream: Downstream,
        head: Head,
        committed: mpsc::Receiver<Batch>,
        metrics: Metrics,
    ) -> Self {
        let pending = Pending::new(downstream.most_bytes(), downstream.share_of_sets());
        Self { downstream, committed, head, pending, is_up: false, unheard: None, metrics }
    }

    /// Pushes until the writer is gone and everything is told, or `shutdown` asks for an end.
    pub async fn run(mut self, shutdown: Shutdown) {
        // The first push announces what an earlier run may have committed and not told.
        self.pending.announce(self.head.get());
        let end = End::default();
        let mut open = true;
        while open {
            if !self.push_until_accepted(&shutdown, &end).await {
                // It is in the log; the receiver pulls it when this service is back.
                return;
            }
            if self.take_waiting() {
                continue;
            }
            if shutdown.is_given() && self.committed.is_closed() {
                return;
            }
            match tokio::time::timeout(self.downstream.announce_every(), self.committed.recv())
                .await
            {
                Ok(Some(batch)) => {
                    self.pending.append(batch);
                    self.take_waiting();
                }
                Ok(None) => open = false,
                Err(_) => {
                    if !self.take_waiting() {
                        self.pending.announce(self.head.get());
                    }
                }
            }
        }
    }

    /// Adds what waits to what is pending; returns whether there is anything to be told.
    fn take_waiting(&mut self) -> bool {
        // Read before the queue is emptied: what is below this id and not in the queue was left out of it, or is what
        // others have written. Only the receiver can get it now.
        let head = self.head.get();
        while let Ok(batch) = self.committed.try_recv() {
            self.pending.append(batch);
        }
        if self.pending.is_empty() && head > self.pending.told_to() {
            self.pending.announce(self.head.get());
        }
        !self.pending.is_empty()
    }

    fn note_up(&mut self, is_up: bool) {
        let before = std::mem::replace(&mut self.is_up, is_up);
        self.metrics.relay_up.add(i64::from(is_up) - i64::from(before));
    }

    /// Tries until all that is pending, or what has become of it, is accepted; returns whether it was.
    async fn push_until_accepted(&mut self, shutdown: &Shutdown, end: &End) -> bool {
        let mut backoff = Backoff::new(FIRST_RETRY, LONGEST_RETRY);
        while let Some(batch) = self.pending.next() {
            let pushed = tokio::select! {
                pushed = self.downstream.tell(&batch) => pushed,
                () = end.is_late(shutdown) => return false,
            };
            match pushed {
                Ok(listeners) => {
                    if backoff.tries() > QUIET_TRIES {
                        tracing::info!(
                            to = %self.downstream,
                            after_tries = backoff.tries(),
                            "what is posted is told again"
                        );
                    }
                    backoff.reset();
                    self.note_up(true);
                    self.note_listeners(listeners);
                    self.metrics.relayed.inc_by(batch.events.len() as u64);
                    self.pending.note_told(&batch);
                    continue;
                }
                Err(NotTaken::Refused(error)) if !batch.events.is_empty() => {
                    tracing::warn!(error, "a push was refused; the log is read instead");
                    self.metrics.relay_failures.inc();
                    self.pending.put_back(Batch::new(batch.end(), Vec::new()));
                    continue;
                }
                Err(error) => {
                    if backoff.tries() == QUIET_TRIES {
                        tracing::warn!(
                            to = %self.downstream,
                            %error,
                            "what is posted cannot be told; it is in the log, and read from there"
                        );
                    }
                    self.note_up(false);
                    self.metrics.relay_failures.inc();
                }
            }
            if shutdown.is_given() {
                // It is in the log; the receiver pulls it when this service is back. What comes now is tried.
                self.pending.give_up(self.head.get());
                return true;
            }
            self.pending.put_back(batch);
            tokio::select! {
                () = tokio::time::sleep(backoff.next_delay()) => {}
                () = shutdown.given() => {}
            }
            self.take_waiting();
        }
        true
    }

    /// Redis takes what nobody hears, too.
    fn note_listeners(&mut self, listeners: Option<u32>) {
        match listeners {
            Some(0) => {
                let (since, is_said) = self.unheard.get_or_insert_with(|| (Instant::now(), false));
                if since.elapsed() >= UNHEARD && !std::mem::replace(is_said, true) {
                    tracing::warn!(
                        to = %self.downstream,
                        "nobody hears what is posted: have the notification services the same \
                         REDIS_URL and INTERNAL_SECRET?"
                    );
                }
            }
            _ => self.unheard = None,
        }
    }
}

/// When a service that stops has told enough.
#[derive(Default)]
struct End(OnceLock<Instant>);

impl End {
    /// Returns some time after the service was asked to stop.
    async fn is_late(&self, shutdown: &Shutdown) {
        shutdown.given().await;
        let end = *self.0.get_or_init(|| Instant::now() + LAST_PUSHES);
        tokio::time::sleep_until(end.into()).await;
    }
}
