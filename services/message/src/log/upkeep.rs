//! [`Upkeep`]: what the writer does besides, between two commits.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use http_kit::memory;
use tokio::time::{Interval, MissedTickBehavior};

use super::{head::Head, health::Health};
use crate::store::{Keeping, Store, StoreError};

/// How often old events are looked for, and how many are removed in one transaction, so that
/// posts hardly wait for it.
const PRUNE_EVERY: Duration = Duration::from_secs(600);
const PRUNE_CHUNK: u32 = 2_000;

/// What only one of several services does.
const WORK: &str = "upkeep";

/// For how long this is one service's to do, which then goes on with it, or has been stopped.
const LEASE: Duration = Duration::from_secs(900);

/// How long it may take to leave it to another one; it is theirs after [`LEASE`] in any case.
const GOODBYE: Duration = Duration::from_secs(2);

/// How soon the next chunk follows while there are more.
const PRUNE_AGAIN: Duration = Duration::from_millis(100);

/// How far ids are ahead of the clock at most without a word about it.
const AHEAD: Duration = Duration::from_secs(60);

/// How often a failed store is tried again, so that readiness returns without a post, and one that
/// works is tidied.
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// How soon a store is tidied again that somebody holds up, a backup for example: each try makes
/// commits wait.
const TIDY_AGAIN: Duration = Duration::from_secs(30);

/// How often what is kept in memory of earlier work is let go of.
const LET_GO_EVERY: Duration = Duration::from_secs(30);

/// Looks after a store.
pub(super) struct Upkeep {
    store: Arc<Store>,
    /// What this service is called among those that serve the same database.
    name: String,
    retention: Duration,
    health: Health,
    /// How far the log goes.
    head: Head,
    probe: Interval,
    prune: Interval,
    let_go: Interval,
    /// When the store is tidied again.
    tidies_at: Instant,
    /// Whether the last chunk that was pruned was not all there is.
    has_more: bool,
    /// Whether the clock was behind what it had said before, when it was last asked.
    was_behind: bool,
    /// Whether the log is ahead of the clock.
    is_ahead: bool,
}

/// What is due.
pub(super) enum Chore {
    Probe,
    Prune,
    LetGo,
}

impl Upkeep {
    /// Looks after this store, whose log remembers events for so long.
    pub(super) fn new(store: Arc<Store>, retention: Duration, health: Health, head: Head) -> Self {
        let every = |period| {
            let mut interval = tokio::time::interval(period);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            interval
        };
        Self {
            store,
            name: hex::encode(rand::random::<[u8; 8]>()),
            retention,
            health,
            head,
            probe: every(PROBE_EVERY),
            prune: every(PRUNE_EVERY),
            let_go: every(LET_GO_EVERY),
            tidies_at: Instant::now(),
            has_more: false,
            was_behind: false,
            is_ahead: false,
        }
    }

    /// Waits until something is due. May be cancelled.
    pub(super) async fn due(&mut self) -> Chore {
        tokio::select! {
            biased;
            _ = self.probe.tick() => Chore::Probe,
            _ = self.prune.tick() => Chore::Prune,
            _ = self.let_go.tick() => Chore::LetGo,
        }
    }

    /// Does it.
    pub(super) async fn run(&mut self, chore: Chore) {
        match chore {
            Chore::Probe => {
                self.probe().await;
                // Where it takes long, because the database is gone, whoever posts comes in between.
                self.probe.reset();
            }
            Chore::Prune => {
                if !self.is_ours().await {
                    return;
                }
                if !self.has_more {
                    self.keep_time().await;
                    self.forget_ended().await;
                }
                self.has_more = self.prune().await == u64::from(PRUNE_CHUNK);
                if self.has_more {
                    self.prune.reset_after(PRUNE_AGAIN);
                }
            }
            Chore::LetGo => {
                if let Err(error) = self.store.let_go().await {
                    tracing::debug!(%error, "what is kept in memory cannot be let go of");
                }
                // After much has been freed it takes a while, and no commit has to wait for it.
                drop(tokio::task::spawn_blocking(memory::give_back));
            }
        }
    }

    /// Whether what only one of several services is to do is this one's to do.
    async fn is_ours(&self) -> bool {
        self.store.lease(WORK, &self.name, LEASE).await.unwrap_or_else(|error| {
            self.note(&error);
            false
        })
    }

    /// Leaves to others what is this one's to do.
    pub(super) async fn end(self) {
        let released = tokio::time::timeout(GOODBYE, self.store.release(WORK, &self.name)).await;
        if !matches!(released, Ok(Ok(()))) {
            tracing::debug!("the others have to wait for the upkeep to be theirs");
        }
    }

    async fn forget_ended(&self) {
        if let Err(error) = self.store.forget_ended().await {
            tracing::warn!(%error, "what has ended cannot be forgotten");
        }
    }

    async fn probe(&mut self) {
        if !self.health.is_good() {
            if self.store.probe().await.is_ok() {
                self.health.recovered();
            }
            return;
        }
        match self.store.watch().await {
            // Others may have committed something, or this one, without an answer; and nobody been told.
            Ok(head) => head.into_iter().for_each(|head| self.head.raise(head)),
            Err(error) => return self.health.failed(&error),
        }
        if self.tidies_at <= Instant::now() {
            let is_done = self.store.tidy().await.unwrap_or_else(|error| {
                tracing::warn!(%error, "what is written beside the data cannot be cut back");
                false
            });
            if !is_done {
                self.tidies_at = Instant::now() + TIDY_AGAIN;
            }
        }
    }

    /// Removes a chunk of what is older than the log remembers; returns how much it was.
    async fn prune(&self) -> u64 {
        match self.store.prune(self.retention, PRUNE_CHUNK).await {
            Ok(0) => 0,
            Ok(removed) => {
                tracing::info!(removed, "removed old events from the log");
                removed
            }
            Err(error) => {
                self.note(&error);
                0
            }
        }
    }

    /// A clock that is behind what it said before may be wrong now, at the start of a machine for example,
    /// or was wrong then: if it still is when it is asked again, it is the one that is believed.
    async fn keep_time(&mut self) {
        match self.store.keep_time(self.was_behind).await {
            Ok(Keeping { now, head, is_behind }) => {
                if is_behind && !self.was_behind {
                    tracing::warn!(%now, "the clock is behind what it said before");
                }
                self.was_behind = is_behind;
                let is_ahead = head.moment().since(now) > AHEAD;
                if is_ahead && !self.is_ahead {
                    tracing::warn!(
                        %head,
                        %now,
                        "the log is ahead of the clock: ids go on from there, and times that are \
                         shown are the clock's"
                    );
                }
                self.is_ahead = is_ahead;
            }
            Err(error) => self.note(&error),
        }
    }

    /// Notes that something was not done.
    fn note(&self, error: &StoreError) {
        match error {
            // It is done the next time.
            StoreError::Busy(_) => tracing::warn!(%error, "the log is in use for long"),
            _ => self.health.failed(error),
        }
    }
}
