//! The relay: tells the notification service what has been committed.
//!
//! Pushing is an optimisation. The log is the truth, and the receiver pulls what it misses, so
//! the relay keeps no queue of its own: when it falls behind, it forgets old batches and announces
//! the newest id. It never makes a post wait.

use std::{collections::HashSet, time::Duration};

use common::{
    Backoff, Batch, EventId,
    audience::{MOST_TOLD, MOST_TOLD_BYTES, SetId},
    event::{Accepted, fitting},
    internal::MAX_BODY,
};
use http_kit::Shutdown;
use tokio::sync::mpsc;

use super::{
    downstream::{Downstream, NotTaken},
    head::Head,
};
use crate::metrics::Metrics;

/// Batches that may wait for the relay.
pub const QUEUE: usize = 64;

/// The most events, and bytes of events with their audiences, in one push; a receiver that is further
/// behind pulls. As JSON, bytes may be twice as many.
const MAX_EVENTS: usize = 1_000;
const MAX_BYTES: usize = MAX_BODY / 4;

/// After this long without a post the relay announces the newest id all the same, so that a
/// receiver which lost it for whatever reason finds out.
const ANNOUNCE_EVERY: Duration = Duration::from_secs(5);

const FIRST_RETRY: Duration = Duration::from_millis(100);
const LONGEST_RETRY: Duration = Duration::from_secs(2);

/// Tries before an outage is worth a line in the log: services that start together find each
/// other within this.
const QUIET_TRIES: u32 = 4;

/// What remains to be pushed when the service stops gets this long.
const LAST_PUSH: Duration = Duration::from_secs(1);

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

/// Pushes committed batches to `POST /notify` of one notification service. Each has its own, so that one that
/// does not answer delays no other.
pub struct Relay {
    downstream: Downstream,
    committed: mpsc::Receiver<Batch>,
    head: Head,
    pending: Batch,
    /// Sets that the receiver has been told, and does not need again. Should it not know one any
    /// more, it pulls.
    told: HashSet<SetId>,
    /// About how many bytes these are.
    told_bytes: usize,
    /// Whether the service has taken what it was told last.
    is_up: bool,
    metrics: Metrics,
}

impl Relay {
    /// A relay for what is committed from now on. `head` tells when a batch did not fit into
    /// `committed`.
    pub fn new(
        downstream: Downstream,
        head: Head,
        committed: mpsc::Receiver<Batch>,
        metrics: Metrics,
    ) -> Self {
        let pending = announcement(head.get());
        Self {
            downstream,
            committed,
            head,
            pending,
            told: HashSet::new(),
            told_bytes: 0,
            is_up: false,
            metrics,
        }
    }

    /// Pushes until the writer is gone and everything is told, or `shutdown` asks for an end.
    pub async fn run(mut self, shutdown: Shutdown) {
        // The first push announces what an earlier run may have committed and not told.
        let mut open = true;
        while open {
            self.push_until_accepted(&shutdown).await;
            if self.take_waiting() {
                continue;
            }
            if shutdown.is_given() && self.committed.is_closed() {
                return;
            }
            match tokio::time::timeout(ANNOUNCE_EVERY, self.committed.recv()).await {
                Ok(Some(batch)) => {
                    self.append(batch);
                    self.take_waiting();
                }
                Ok(None) => open = false,
                Err(_) => {}
            }
        }
    }

    /// Adds what waits to what is pending; returns whether there was anything.
    fn take_waiting(&mut self) -> bool {
        // Read before the queue is emptied: a batch below this id that is not in the queue was
        // left out of it, and only the receiver can get it now.
        let head = self.head.get();
        let before = self.pending.end();
        while let Ok(batch) = self.committed.try_recv() {
            self.append(batch);
        }
        if self.pending.end() < head {
            self.pending = announcement(head);
        }
        self.pending.end() != before
    }

    fn append(&mut self, batch: Batch) {
        if batch.after != self.pending.end() {
            // Batches in between were left out: start over from here, the receiver pulls.
            self.pending = batch;
        } else {
            self.pending.events.extend(batch.events);
            self.pending.sets.extend(batch.sets);
        }
        let surplus = self.pending.events.len() - fitting(self.sizes(), MAX_BYTES);
        if let Some(last) = self.pending.events.drain(..surplus).next_back() {
            self.pending.after = last.id;
        }
        let used: HashSet<_> =
            self.pending.events.iter().filter_map(|event| event.audience.set()).collect();
        self.pending.sets.retain(|set, _| used.contains(set) && !self.told.contains(set));
    }

    /// What events take in a push, the newest first, each with the set that it brings.
    fn sizes(&self) -> impl Iterator<Item = usize> {
        let mut counted = HashSet::new();
        self.pending.events.iter().rev().take(MAX_EVENTS).map(move |event| {
            let set = event.audience.set();
            let set = set.filter(|set| !self.told.contains(*set) && counted.insert(*set));
            let users = set.and_then(|set| self.pending.sets.get(set));
            event.size() + users.map_or(0, |users| users.size())
        })
    }

    fn note_up(&mut self, is_up: bool) {
        let before = std::mem::replace(&mut self.is_up, is_up);
        self.metrics.relay_up.add(i64::from(is_up) - i64::from(before));
    }

    /// The receiver has what was pushed.
    fn note_told(&mut self) {
        for (set, users) in self.pending.sets.iter() {
            self.told_bytes += users.size();
            self.told.insert(set.clone());
        }
        if self.told.len() > MOST_TOLD || self.told_bytes > MOST_TOLD_BYTES {
            self.told.clear();
            self.told_bytes = 0;
        }
    }

    /// Tries until the pending batch, or what has become of it, is accepted.
    async fn push_until_accepted(&mut self, shutdown: &Shutdown) {
        let mut backoff = Backoff::new(FIRST_RETRY, LONGEST_RETRY);
        loop {
            match self.push().await {
                Ok(_) => {
                    if backoff.tries() > QUIET_TRIES {
                        tracing::info!(
                            url = self.downstream.url(),
                            after_tries = backoff.tries(),
                            "notification service is back"
                        );
                    }
                    self.note_up(true);
                    self.metrics.relayed.inc_by(self.pending.events.len() as u64);
                    self.note_told();
                    self.pending = announcement(self.pending.end());
                    return;
                }
                Err(NotTaken::Refused(error)) if !self.pending.events.is_empty() => {
                    tracing::warn!(error, "a push was refused; the log is read instead");
                    self.metrics.relay_failures.inc();
                    self.pending = announcement(self.pending.end());
                    continue;
                }
                Err(error) => {
                    if backoff.tries() == QUIET_TRIES {
                        tracing::warn!(
                            url = self.downstream.url(),
                            %error,
                            "notification service does not answer; posts are kept and told later"
                        );
                    }
                    self.note_up(false);
                    self.metrics.relay_failures.inc();
                }
            }
            if shutdown.is_given() {
                // It is in the log; the receiver pulls it when this service is back.
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(backoff.next_delay()) => {}
                () = shutdown.given() => {}
            }
            self.take_waiting();
            if shutdown.is_given() {
                tokio::time::timeout(LAST_PUSH, self.push()).await.ok();
                return;
            }
        }
    }

    async fn push(&self) -> Result<Accepted, NotTaken> {
        self.downstream.notify(&self.pending).await
    }
}

/// Tells the receiver how far the log goes, so that it pulls what it does not have.
fn announcement(head: EventId) -> Batch {
    Batch::new(head, Vec::new())
}
