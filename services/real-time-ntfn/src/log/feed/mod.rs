//! The feed: this service's copy of the end of the event log, without holes.
//!
//! Batches are pushed by the message services, or come over Redis. One that continues the feed is appended. One
//! that leaves a gap waits a moment for what another message service may be telling; then the feed pulls until
//! nothing is missing. Pushes are only ever a hint: after some silence the feed pulls on its own, and when
//! somebody has waited for what they have heard of.

mod task;

use std::{sync::Arc, time::Duration};

use common::{Batch, EventId};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::timeout,
};

use self::task::Command;
pub use self::task::FeedTask;
pub use super::{ahead::Reached, source::Source};
use super::{early::Pushed, upstream::Upstream};
use crate::{hub::Hub, metrics::Metrics};

/// Commands that may wait. A full queue makes senders wait, and the relay behind them.
const QUEUE: usize = 64;

/// Talks to the feed. Clones talk to the same one.
#[derive(Clone)]
pub struct Feed {
    commands: mpsc::Sender<Command>,
    loaded: watch::Receiver<bool>,
    source: Arc<watch::Sender<Source>>,
}

impl Feed {
    /// A feed into a hub, and its task.
    pub fn new(source: Source, upstream: Upstream, hub: Hub, metrics: Metrics) -> (Self, FeedTask) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let (loaded, is_loaded) = watch::channel(false);
        let (source, current) = watch::channel(source);
        let task = FeedTask::new(receiver, loaded, current, (upstream, hub, metrics));
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
