//! [`Presence`]: who is connected, and who is told.
//!
//! A stream with a user holds an [`Attendance`], in its permit, and is gone when that is dropped,
//! whatever ended it. [`PresenceTask`] looks once a second at what has changed, and tells those who
//! share a conversation with the user. A stream of nobody that watches just the public room is not
//! here at all, and costs nothing. With Redis, [`SharingTask`] has the instances know of each other's people.

mod change;
mod elsewhere;
mod registry;
mod sharing;
mod task;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use common::event::PUBLIC_ROOM;
use tokio::sync::Notify;

use crate::{event::scope::Scope, metrics::Metrics};
use change::Change;
use elsewhere::Elsewhere;
use registry::Registry;
pub use sharing::{LEASE, Sharing, SharingTask};
pub use task::PresenceTask;

/// Knows who is connected. Clones know the same.
#[derive(Clone)]
pub struct Presence {
    registry: Arc<Mutex<Registry>>,
    most_per_user: usize,
    changed: Arc<Notify>,
    metrics: Metrics,
}

/// A user has as many streams as one may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany;

/// A stream is there; it has gone when this is dropped.
pub struct Attendance {
    scope: Scope,
    presence: Presence,
}

impl Presence {
    /// Nobody is there. One user may have so many streams at once; 0 for no limit.
    pub fn new(most_per_user: usize, metrics: Metrics) -> Self {
        Self { registry: Arc::default(), most_per_user, changed: Arc::default(), metrics }
    }

    /// A stream is there from now on; nothing for one that need not be known.
    pub fn attend(&self, scope: &Scope) -> Result<Option<Attendance>, TooMany> {
        if scope.user().is_none() && *scope == Scope::public() {
            return Ok(None);
        }
        let mut registry = self.lock();
        let theirs = scope.user().map_or(0, |user| registry.streams_of(user));
        if self.most_per_user > 0 && theirs >= self.most_per_user {
            return Err(TooMany);
        }
        registry.arrive(scope);
        self.metrics.users_online.set(registry.online() as i64);
        drop(registry);
        self.changed.notify_one();
        Ok(Some(Attendance { scope: scope.clone(), presence: self.clone() }))
    }

    /// How many streams watch a room, of `all` that there are.
    pub fn watchers(&self, room: &str, all: usize) -> usize {
        let registry = self.lock();
        let known = registry.watchers(room);
        if room == PUBLIC_ROOM { known + all.saturating_sub(registry.streams()) } else { known }
    }

    /// How many users are online.
    pub fn online(&self) -> usize {
        self.lock().online()
    }

    /// The names, as first written, of those who are online among users given by key.
    pub fn names(&self, users: &[String]) -> Vec<String> {
        let registry = self.lock();
        users.iter().filter_map(|user| registry.name(user)).map(str::to_owned).collect()
    }

    /// The names of up to `limit` users who are online, and how many are.
    pub fn all(&self, limit: usize) -> (Vec<String>, usize) {
        let registry = self.lock();
        (registry.names().take(limit).map(str::to_owned).collect(), registry.online())
    }

    /// Takes what is said of other instances.
    fn hear_elsewhere<T>(
        &self,
        is_told: impl FnOnce(&T) -> bool,
        hear: impl FnOnce(&mut Elsewhere, &mut Vec<Change>) -> T,
    ) -> T {
        let mut registry = self.lock();
        let before = registry.online();
        let result = registry.hear_elsewhere(is_told, hear);
        let is_quiet = registry.is_quiet() && registry.online() == before;
        drop(registry);
        if !is_quiet {
            self.changed.notify_one();
        }
        result
    }

    fn lock(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Attendance {
    fn drop(&mut self) {
        self.presence.lock().leave(&self.scope, Instant::now());
        self.presence.changed.notify_one();
    }
}
