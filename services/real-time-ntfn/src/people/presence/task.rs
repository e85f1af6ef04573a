//! [`PresenceTask`]: tells who has come and gone.

use std::{
    collections::{HashMap, hash_map::Entry},
    time::{Duration, Instant},
};

use common::{Backoff, event::PUBLIC_ROOM, internal::MAX_ASKED};
use tokio::time::sleep;

use super::{Presence, change::Change};
use crate::{
    event::passing,
    hub::Hub,
    log::upstream::{Upstream, UpstreamError},
    metrics::Metrics,
};

/// Changes within this are told together.
const COALESCE: Duration = Duration::from_secs(1);

/// However often asking fails, contacts of so many users are not too many to say in time.
const FEWEST: usize = 50;

/// Users whose last change is kept while it cannot be told. What changes beyond this is not told;
/// clients see it when they next ask who is there.
const MOST: usize = 50_000;

/// The public room learns the number online at most once in this, for each thousand streams: the
/// more streams, the more it costs and the less each change means.
const PER_THOUSAND_STREAMS: Duration = Duration::from_secs(1);

const LONGEST_RETRY: Duration = Duration::from_secs(10);

/// Tells contacts who has come and gone, and the public room how many are there; [`run`] it.
///
/// [`run`]: PresenceTask::run
pub struct PresenceTask {
    presence: Presence,
    hub: Hub,
    upstream: Upstream,
    metrics: Metrics,
    /// What is still to be told, by key.
    untold: HashMap<String, Change>,
    /// Of how many users contacts are asked for at once: fewer after a failure, since what they
    /// are may be more than can be said in time.
    most: usize,
    /// While it cannot be told: when to try again.
    retry: Option<Instant>,
    backoff: Backoff,
    /// The number that the public room knows, and since when.
    told: usize,
    told_at: Instant,
}

impl PresenceTask {
    /// Tells the streams of a hub.
    pub fn new(presence: Presence, hub: Hub, upstream: Upstream, metrics: Metrics) -> Self {
        Self {
            presence,
            hub,
            upstream,
            metrics,
            untold: HashMap::new(),
            most: MAX_ASKED,
            retry: None,
            backoff: Backoff::new(COALESCE, LONGEST_RETRY),
            told: 0,
            told_at: Instant::now(),
        }
    }

    /// Tells until it is aborted. While nothing changes it sleeps.
    pub async fn run(mut self) {
        loop {
            if self.is_idle() {
                self.presence.changed.notified().await;
            }
            sleep(COALESCE).await;
            self.note_changes();
            if self.retry.is_none_or(|at| at <= Instant::now()) {
                self.tell_contacts().await;
            }
            self.tell_room();
        }
    }

    fn is_idle(&self) -> bool {
        let registry = self.presence.lock();
        registry.is_quiet() && registry.online() == self.told && self.untold.is_empty()
    }

    fn note_changes(&mut self) {
        let mut registry = self.presence.lock();
        let changes = registry.changes(Instant::now());
        self.metrics.users_online.set(registry.online() as i64);
        drop(registry);
        let mut room = MOST.saturating_sub(self.untold.len());
        for change in changes {
            match self.untold.entry(change.key.clone()) {
                // Nobody has been told of the change before, which is undone by this one.
                Entry::Occupied(known) if known.get().online != change.online => {
                    known.remove();
                }
                Entry::Occupied(_) => {}
                Entry::Vacant(new) if room > 0 => {
                    new.insert(change);
                    room -= 1;
                }
                Entry::Vacant(_) => self.metrics.passing_dropped.inc(),
            }
        }
    }

    /// Tells everything that is to be told, unless the message service does not answer or the
    /// streams have no room; then it is tried again.
    async fn tell_contacts(&mut self) {
        while !self.untold.is_empty() {
            let users: Vec<_> = self.untold.keys().take(self.most).cloned().collect();
            let contacts = match self.upstream.contacts(users.clone()).await {
                Ok(contacts) => contacts,
                // A proxy between the services may take less than they do.
                Err(UpstreamError::TooLarge) if users.len() > 1 => {
                    self.most = users.len() / 2;
                    continue;
                }
                Err(error @ (UpstreamError::Refused(_) | UpstreamError::TooLarge)) => {
                    tracing::warn!(%error, "contacts are not given; their changes are not told");
                    HashMap::new()
                }
                Err(error) => {
                    self.most = (self.most / 2).max(FEWEST);
                    return self.failed(&error.to_string());
                }
            };
            let registry = self.presence.lock();
            let entries = users.iter().filter_map(|user| {
                let contacts = contacts.get(user)?.iter();
                let here = contacts.filter(|contact| *contact != user && registry.is_here(contact));
                let here: Vec<_> = here.cloned().collect();
                let Change { name, online, .. } = self.untold.get(user)?;
                (!here.is_empty()).then(|| passing::of_user(name, *online, here))
            });
            let entries: Vec<_> = entries.collect();
            drop(registry);
            if !self.hub.offer(entries) {
                return self.failed("the streams are behind");
            }
            for user in &users {
                self.untold.remove(user);
            }
            self.most = (self.most * 2).min(MAX_ASKED);
        }
        // A crowd that came leaves no room behind that the next few need.
        self.untold.shrink_to(FEWEST);
        if self.backoff.tries() > 0 {
            tracing::info!(after_tries = self.backoff.tries(), "presence is told again");
        }
        self.backoff.reset();
        self.retry = None;
    }

    fn failed(&mut self, error: &str) {
        if self.backoff.tries() == 0 {
            tracing::warn!(error, "presence cannot be told; trying again");
        }
        self.metrics.presence_failures.inc();
        self.retry = Some(Instant::now() + self.backoff.next_delay());
    }

    fn tell_room(&mut self) {
        let (online, streams) = (self.presence.online(), self.hub.streams());
        let pause = PER_THOUSAND_STREAMS.mul_f64((streams as f64 / 1_000.0).max(1.0));
        if online == self.told || self.told_at.elapsed() < pause {
            return;
        }
        if self.hub.offer(vec![passing::of_room(PUBLIC_ROOM, online)]) {
            (self.told, self.told_at) = (online, Instant::now());
        }
    }
}
