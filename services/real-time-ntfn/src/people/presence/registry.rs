//! [`Registry`]: users by their streams, and what has changed since somebody looked.

use std::{
    borrow::Borrow,
    collections::{HashMap, VecDeque},
    hash::{Hash, Hasher},
    time::{Duration, Instant},
};

use crate::event::scope::Scope;

/// How long a user without a stream still counts as online: who changes networks or reloads a page
/// has not left.
pub(super) const GRACE: Duration = Duration::from_secs(10);

/// Changes between two looks whose room is not worth giving back.
const SPARE: usize = 256;

/// Who is there. Every step costs what has changed, not what is there.
#[derive(Default)]
pub(super) struct Registry {
    users: HashMap<User, Here>,
    /// Streams by room.
    rooms: HashMap<String, usize>,
    streams: usize,
    /// Users who were not there before.
    arrived: Vec<User>,
    /// Users whose last stream ended, by the time when they are taken to have left, unless they
    /// return. One entry for each time, so as many as streams end within the grace.
    leaving: VecDeque<(Instant, User)>,
}

/// A user, found by key: what a stream of theirs watches, which says how they were first written.
#[derive(Clone)]
struct User(Scope);

struct Here {
    streams: usize,
    /// When the last stream ended, if none is left.
    left: Option<Instant>,
}

/// A user has come or gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) key: String,
    pub(super) name: String,
    pub(super) online: bool,
}

impl Registry {
    pub(super) fn arrive(&mut self, scope: &Scope) {
        self.streams += 1;
        for room in scope.rooms() {
            match self.rooms.get_mut(room) {
                Some(streams) => *streams += 1,
                None => {
                    self.rooms.insert(room.to_owned(), 1);
                }
            }
        }
        if scope.user().is_none() {
            return;
        }
        let user = User(scope.clone());
        let here = self.users.entry(user.clone()).or_insert_with(|| {
            self.arrived.push(user);
            Here { streams: 0, left: None }
        });
        here.streams += 1;
        here.left = None;
    }

    pub(super) fn leave(&mut self, scope: &Scope, now: Instant) {
        self.streams -= 1;
        for room in scope.rooms() {
            if let Some(streams) = self.rooms.get_mut(room) {
                *streams -= 1;
                if *streams == 0 {
                    self.rooms.remove(room);
                }
            }
        }
        let Some(here) = scope.user().and_then(|user| self.users.get_mut(user)) else {
            return;
        };
        here.streams -= 1;
        if here.streams == 0 {
            here.left = Some(now);
            self.leaving.push_back((now + GRACE, User(scope.clone())));
        }
    }

    /// Who has come, and whose grace has passed, since the last time.
    pub(super) fn changes(&mut self, now: Instant) -> Vec<Change> {
        let mut changes = Vec::new();
        for user in self.arrived.drain(..) {
            if self.users.contains_key(&user) {
                changes.push(user.change(true));
            }
        }
        while let Some((_, user)) = self.leaving.pop_front_if(|(due, _)| *due <= now) {
            let gone = |here: &Here| here.left.is_some_and(|left| left + GRACE <= now);
            if self.users.get(&user).is_some_and(gone)
                && let Some((first, _)) = self.users.remove_entry(&user)
            {
                changes.push(first.change(false));
            }
        }
        // A crowd that came or went leaves no room behind that the next few need.
        self.arrived.shrink_to(SPARE);
        self.leaving.shrink_to(SPARE);
        changes
    }

    /// Whether nothing has changed, and nothing will by itself.
    pub(super) fn is_quiet(&self) -> bool {
        self.arrived.is_empty() && self.leaving.is_empty()
    }

    pub(super) fn online(&self) -> usize {
        self.users.len()
    }

    pub(super) fn is_online(&self, key: &str) -> bool {
        self.users.contains_key(key)
    }

    pub(super) fn streams_of(&self, key: &str) -> usize {
        self.users.get(key).map_or(0, |here| here.streams)
    }

    pub(super) fn streams(&self) -> usize {
        self.streams
    }

    pub(super) fn watchers(&self, room: &str) -> usize {
        self.rooms.get(room).copied().unwrap_or_default()
    }

    pub(super) fn name(&self, key: &str) -> Option<&str> {
        self.users.get_key_value(key).map(|(user, _)| user.name())
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.users.keys().map(User::name)
    }
}

impl User {
    fn key(&self) -> &str {
        self.0.user().unwrap_or_default()
    }

    fn name(&self) -> &str {
        self.0.session().map_or("", |session| &session.user.name)
    }

    fn change(&self, online: bool) -> Change {
        Change { key: self.key().to_owned(), name: self.name().to_owned(), online }
    }
}

impl Borrow<str> for User {
    fn borrow(&self) -> &str {
        self.key()
    }
}

impl PartialEq for User {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for User {}

impl Hash for User {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(user: &str, online: bool) -> Change {
        Change { key: user.to_owned(), name: user.to_owned(), online }
    }

    #[test]
    fn a_user_is_there_while_a_stream_is_and_a_little_longer() {
        let (mut registry, start) = (Registry::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let alice = Scope::public().with_user("alice");
        registry.arrive(&alice);
        registry.arrive(&alice);
        assert_eq!(registry.changes(at(1)), [change("alice", true)]);
        registry.leave(&alice, at(2));
        assert!(registry.is_quiet(), "another stream is left");
        registry.leave(&alice, at(3));
        assert_eq!((registry.changes(at(12)), registry.online()), (vec![], 1));
        assert_eq!(registry.changes(at(13)), [change("alice", false)]);
        assert!(registry.is_quiet() && registry.online() == 0 && registry.streams() == 0);
        assert!(registry.rooms.is_empty() && registry.users.is_empty());
    }

    #[test]
    fn who_returns_within_the_grace_has_not_been_away() {
        let (mut registry, start) = (Registry::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let alice = Scope::public().with_user("alice");
        registry.arrive(&alice);
        registry.changes(at(0));
        for second in 1..6 {
            registry.leave(&alice, at(second));
            registry.arrive(&alice);
        }
        registry.leave(&alice, at(8));
        // The times before have come, and the last one has not.
        assert_eq!(registry.changes(at(17)), []);
        assert_eq!(registry.changes(at(18)), [change("alice", false)]);
        // Who comes and goes between two looks has come, and goes later.
        registry.arrive(&alice);
        registry.leave(&alice, at(19));
        assert_eq!(registry.changes(at(20)), [change("alice", true)]);
        assert_eq!(registry.changes(at(29)), [change("alice", false)]);
    }

    #[test]
    fn watchers_are_counted_by_room() {
        let mut registry = Registry::default();
        let rooms = Scope::new(["a".to_owned(), "b".to_owned()], None);
        registry.arrive(&rooms);
        registry.arrive(&Scope::public().with_user("alice"));
        let watchers =
            |registry: &Registry| ["a", "b", "public"].map(|room| registry.watchers(room));
        assert_eq!((watchers(&registry), registry.streams()), ([1, 1, 1], 2));
        registry.leave(&rooms, Instant::now());
        assert_eq!((watchers(&registry), registry.online()), ([0, 0, 1], 1));
    }
}
