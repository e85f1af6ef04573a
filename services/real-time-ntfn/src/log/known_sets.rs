//! [`KnownSets`]: sets of users that the log has told, for the events that refer to them.

use std::{collections::HashMap, sync::Arc};

use common::{
    Audience,
    audience::{MOST_TOLD, MOST_TOLD_BYTES, SetId, Sets},
};

/// The most sets that are kept, and about how many bytes of them. Who refers to one that is no longer
/// here has it told again.
const MOST: usize = 2 * MOST_TOLD;
const MOST_BYTES: usize = 2 * MOST_TOLD_BYTES;

/// Sets of users that the log has told.
#[derive(Debug, Default)]
pub(super) struct KnownSets {
    sets: HashMap<SetId, Arc<Audience>>,
    bytes: usize,
}

impl KnownSets {
    /// The users of a set.
    pub(super) fn get(&self, set: &SetId) -> Option<Arc<Audience>> {
        self.sets.get(set).cloned()
    }

    /// Takes sets that come with events.
    pub(super) fn learn(&mut self, sets: &Sets) {
        for (set, users) in sets.iter() {
            if self.sets.contains_key(set) {
                continue;
            }
            if Sets::is_sound(set, users) {
                self.bytes += users.size();
                self.sets.insert(set.clone(), users.clone());
            } else {
                tracing::error!(set = set.as_str(), "a set of users is not what its name says");
            }
        }
        if self.sets.len() > MOST || self.bytes > MOST_BYTES {
            // Events in the ring hold theirs by themselves.
            self.sets.retain(|_, users| Arc::strong_count(users) > 1);
            self.bytes = self.sets.values().map(|users| users.size()).sum();
        }
        if self.sets.len() > MOST || self.bytes > MOST_BYTES {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(of: usize, bytes: usize) -> (Sets, SetId) {
        let users = [format!("{of}"), "x".repeat(bytes), "y".to_owned()];
        let mut sets = Sets::default();
        let reference = sets.refer(&Arc::new(Audience::Users(users.to_vec())));
        let Audience::Set(id) = &*reference else { panic!("{reference:?}") };
        (sets, id.clone())
    }

    #[test]
    fn what_no_event_needs_goes_when_it_is_too_much() {
        let mut known = KnownSets::default();
        let (needed, id) = set(0, 10);
        known.learn(&needed);
        let held = known.get(&id).unwrap();
        drop(needed);
        for of in 1..40 {
            known.learn(&set(of, 1 << 20).0);
            assert!(known.bytes <= MOST_BYTES);
        }
        assert_eq!(known.get(&id), Some(held));
        assert_eq!(known.get(&set(1, 1 << 20).1), None);
        for of in 1..2 * MOST {
            known.learn(&set(of, 1).0);
            assert!(known.sets.len() <= MOST);
        }
    }
}
