//! [`Index`]: which connections an audience means.

use std::collections::HashMap;

use common::Audience;
use indexmap::IndexSet;

use crate::event::scope::Scope;

/// Connections by what they watch, so that an event touches only those it is for.
#[derive(Default)]
pub(super) struct Index {
    rooms: HashMap<Box<str>, Keys>,
    users: HashMap<Box<str>, Keys>,
}

/// Connections that watch the same. Nearly every user has one, which takes no further memory.
enum Keys {
    One(u32),
    /// An ordered set: its keys lie side by side, mostly in the order of the connections, so walking them
    /// walks through memory.
    Many(Box<IndexSet<u32>>),
}

impl Index {
    pub(super) fn insert(&mut self, key: u32, scope: &Scope) {
        for room in scope.rooms() {
            insert(&mut self.rooms, room, key);
        }
        if let Some(user) = scope.user() {
            insert(&mut self.users, user, key);
        }
    }

    pub(super) fn remove(&mut self, key: u32, scope: &Scope) {
        for room in scope.rooms() {
            remove(&mut self.rooms, room, key);
        }
        if let Some(user) = scope.user() {
            remove(&mut self.users, user, key);
        }
    }

    /// The connections of a user.
    pub(super) fn of_user(&self, user: &str) -> impl Iterator<Item = u32> {
        self.users.get(user).into_iter().flat_map(Keys::iter)
    }

    /// The connections that an audience means, each once.
    pub(super) fn recipients<'a>(
        &'a self,
        audience: &'a Audience,
    ) -> impl Iterator<Item = u32> + 'a {
        let (room, users) = match audience {
            Audience::Room(room) => (self.rooms.get(&**room), [].as_slice()),
            Audience::Users(users) => (None, users.as_slice()),
            // The feed looks sets up: none comes this far.
            Audience::Set(_) => (None, [].as_slice()),
        };
        let of_users = users.iter().filter_map(|user| self.users.get(&**user));
        room.into_iter().chain(of_users).flat_map(Keys::iter)
    }
}

impl Keys {
    fn iter(&self) -> impl Iterator<Item = u32> {
        let (one, many) = match self {
            Self::One(key) => (Some(*key), None),
            Self::Many(keys) => (None, Some(keys.iter().copied())),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }
}

fn insert(map: &mut HashMap<Box<str>, Keys>, name: &str, key: u32) {
    // Looked up first: the name is copied for the first watcher only.
    match map.get_mut(name) {
        Some(Keys::Many(keys)) => {
            keys.insert(key);
        }
        Some(keys) => {
            let both = keys.iter().chain([key]).collect();
            *keys = Keys::Many(Box::new(both));
        }
        None => {
            map.insert(name.into(), Keys::One(key));
        }
    }
}

fn remove(map: &mut HashMap<Box<str>, Keys>, name: &str, key: u32) {
    let is_last = match map.get_mut(name) {
        Some(Keys::Many(keys)) => {
            keys.swap_remove(&key);
            keys.is_empty()
        }
        Some(Keys::One(only)) => *only == key,
        None => false,
    };
    if is_last {
        map.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_means_those_it_is_for_and_nobody_else() {
        let mut index = Index::default();
        let public = Scope::public();
        let alice = public.with_user("alice");
        index.insert(1, &public);
        index.insert(2, &alice);
        index.insert(3, &alice);
        let recipients = |index: &Index, audience| {
            let mut keys: Vec<_> = index.recipients(&audience).collect();
            keys.sort_unstable();
            keys
        };
        let room = || Audience::Room("public".to_owned());
        let users = || Audience::Users(vec!["alice".to_owned(), "bob".to_owned()]);
        assert_eq!(recipients(&index, room()), [1, 2, 3]);
        assert_eq!(recipients(&index, users()), [2, 3]);
        index.remove(2, &alice);
        assert_eq!(
            (recipients(&index, room()), recipients(&index, users())),
            (vec![1, 3], vec![3])
        );
        index.remove(3, &alice);
        index.remove(1, &public);
        assert!(index.rooms.is_empty() && index.users.is_empty());
    }
}
