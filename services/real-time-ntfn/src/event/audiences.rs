//! [`Audiences`]: who receives what, kept once where many events are for the same people.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use common::Audience;

/// Audiences that are remembered. Sets of users come shared; with more rooms and pairs than this talking
/// in turn, each event brings its own, and the ring holds fewer events for it.
const MOST: usize = 64;

/// What an allocation costs besides its bytes.
const ALLOCATION: usize = 16;

/// The last audiences that events had.
#[derive(Debug, Default)]
pub(crate) struct Audiences(VecDeque<Arc<Audience>>);

impl Audiences {
    /// The same audience, shared with earlier events if that is possible.
    pub(crate) fn share(&mut self, audience: &Arc<Audience>) -> Arc<Audience> {
        let known = self.0.iter().rposition(|known| known == audience);
        let shared = known.and_then(|at| self.0.remove(at)).unwrap_or_else(|| audience.clone());
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back(shared.clone());
        shared
    }
}

/// The audiences that a ring holds: each counts once, however many entries share it.
#[derive(Debug, Default)]
pub(crate) struct Held(HashMap<usize, usize>);

impl Held {
    /// One more entry has it. Returns the bytes that it brings.
    pub(crate) fn add(&mut self, audience: &Arc<Audience>) -> usize {
        let entries = self.0.entry(Arc::as_ptr(audience).addr()).or_default();
        *entries += 1;
        if *entries == 1 { size(audience) } else { 0 }
    }

    /// One entry less has it. Returns the bytes that go with that.
    pub(crate) fn remove(&mut self, audience: &Arc<Audience>) -> usize {
        let key = Arc::as_ptr(audience).addr();
        let Some(entries) = self.0.get_mut(&key) else {
            return 0;
        };
        *entries -= 1;
        if *entries > 0 {
            return 0;
        }
        self.0.remove(&key);
        size(audience)
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

/// The memory that an audience takes, about.
fn size(audience: &Audience) -> usize {
    let of_name = |name: &String| size_of::<String>() + ALLOCATION + name.len();
    match audience {
        Audience::Room(room) => of_name(room),
        Audience::Users(names) => names.iter().map(of_name).sum(),
        Audience::Set(set) => set.as_str().len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(names: &[&str]) -> Arc<Audience> {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Arc::new(Audience::Users(names).distinct())
    }

    #[test]
    fn the_same_people_are_kept_once_and_counted_once() {
        let mut audiences = Audiences::default();
        let first = audiences.share(&users(&["alice", "bob", "alice"]));
        let other = audiences.share(&users(&["carol"]));
        let again = audiences.share(&users(&["bob", "alice"]));
        assert!(Arc::ptr_eq(&first, &again) && !Arc::ptr_eq(&first, &other));
        let mut held = Held::default();
        let bytes = held.add(&first);
        assert!(bytes > "alicebob".len());
        assert_eq!((held.add(&again), held.remove(&first), held.remove(&again)), (0, 0, bytes));
        assert!(held.0.is_empty());
    }

    #[test]
    fn no_more_are_remembered_than_a_ring_could_afford() {
        let mut audiences = Audiences::default();
        for n in 0..2 * MOST {
            audiences.share(&users(&[&n.to_string()]));
        }
        assert_eq!(audiences.0.len(), MOST);
    }
}
