//! [`Delivery`]: what has been written to whom, for the message service.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use common::EventId;

/// Collects, for each user, the last event that was written to one of their sockets. Clones
/// collect together.
#[derive(Clone, Default)]
pub struct Delivery(Arc<Mutex<HashMap<String, EventId>>>);

impl Delivery {
    /// Everything that is addressed to the user with this key, up to the event, was written.
    pub fn note(&self, user: &str, up_to: EventId) {
        let mut written = self.lock();
        match written.get_mut(user) {
            Some(last) => *last = up_to.max(*last),
            None => {
                written.insert(user.to_owned(), up_to);
            }
        }
    }

    /// Takes what has been noted since the last time.
    pub fn take(&self) -> HashMap<String, EventId> {
        std::mem::take(&mut self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, EventId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
