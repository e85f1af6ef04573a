//! [`Registry`]: users by their streams, and what has changed since somebody looked.

use std::{
    borrow::Borrow,
    collections::{HashMap, VecDeque},
    hash::{Hash, Hasher},
    time::{Duration, Instant},
};

use common::internal::UserRef;

use super::{change::Change, elsewhere::Elsewhere};
use crate::event::scope::Scope;

/// How long a user without a stream still counts as online: who changes networks or reloads a page
/// has not left.
pub(super) const GRACE: Duration = Duration::from_secs(10);

/// How long it may take until another instance has said who has come to it.
const TOLD_BY_OTHERS: Duration = Duration::from_secs(3);

/// Changes between two looks whose room is not worth giving back.
const SPARE: usize = 256;

/// Who is there. Every step costs what has changed, not what is there.
#[derive(Default)]
pub(super) struct Registry {
    users: HashMap<User, Here>,
    /// Streams by room.
    rooms: HashMap<String, usize>,
    streams: usize,
    /// Users whose last stream ended, by the time when they are taken to have left, unless they
    /// return. One entry for each time, so as many as streams end within the grace.
    leaving: VecDeque<(Instant, User)>,
    /// Who is connected to other instances.
    elsewhere: Elsewhere,
    /// How many users are here and elsewhere.
    both: usize,
    /// Of those who have come or gone since the last look, here or elsewhere, by key: as first written, and whether
    /// they were online then.
    before: HashMap<String, (String, bool)>,
    /// What others are to be told, if there are any: who is here now and who is not, of those who have come or gone.
    unshared: Option<HashMap<String, (String, bool)>>,
}

/// A user, found by key: what a stream of theirs watches, which says how they were first written.
#[derive(Clone)]
struct User(Scope);

struct Here {
    streams: usize,
    /// When the last stream ended, if none is left.
    left: Option<Instant>,
}

/// Who is here, for other instances.
pub(super) enum Local {
    /// All of them.
    All(Vec<UserRef>),
    /// Who has come and gone since the last time.
    Changes {
        arrived: Vec<UserRef>,
        /// By key.
        left: Vec<String>,
    },
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
        if !self.users.contains_key(&user) {
            self.note(&user);
            self.both += usize::from(self.elsewhere.contains(user.key()));
            self.share_change(&user, true);
        }
        let here = self.users.entry(user).or_insert(Here { streams: 0, left: None });
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
            self.leaving.push_back((now + self.grace(), User(scope.clone())));
        }
    }

    /// How long a user without a stream still counts as online: a little longer where they may have come to
    /// another instance, which has to say so first.
    pub(super) fn grace(&self) -> Duration {
        if self.unshared.is_some() { GRACE + TOLD_BY_OTHERS } else { GRACE }
    }

    /// Those whose grace has passed are not here any more.
    pub(super) fn expire(&mut self, now: Instant) {
        let grace = self.grace();
        while let Some((_, user)) = self.leaving.pop_front_if(|(due, _)| *due <= now) {
            let gone = |here: &Here| here.left.is_some_and(|left| left + grace <= now);
            if self.users.get(&user).is_some_and(gone) {
                self.note(&user);
                self.both -= usize::from(self.elsewhere.contains(user.key()));
                self.share_change(&user, false);
                self.users.remove(&user);
            }
        }
        // A crowd that went leaves no room behind that the next few need.
        self.leaving.shrink_to(SPARE);
    }

    /// Before somebody comes or goes: whether they are online, unless that has been noted since the last look.
    fn note(&mut self, user: &User) {
        if !self.before.contains_key(user.key()) {
            let is_online = self.is_online(user.key());
            self.before.insert(user.key().to_owned(), (user.name().to_owned(), is_online));
        }
    }

    fn share_change(&mut self, user: &User, is_here: bool) {
        if let Some(unshared) = &mut self.unshared {
            unshared.insert(user.key().to_owned(), (user.name().to_owned(), is_here));
        }
    }

    /// Who has come online and who has gone since the last look, here and elsewhere taken together.
    pub(super) fn changes(&mut self, now: Instant) -> Vec<Change> {
        self.expire(now);
        let before = std::mem::take(&mut self.before).into_iter();
        let change = |(key, (name, was_online)): (String, (String, bool))| {
            let online = self.is_online(&key);
            (online != was_online).then_some(Change { key, name, online })
        };
        before.filter_map(change).collect()
    }

    /// Whether nothing has changed, and nothing will by itself.
    pub(super) fn is_quiet(&self) -> bool {
        self.before.is_empty() && self.leaving.is_empty()
    }

    /// From now on others are told.
    pub(super) fn share(&mut self) {
        self.unshared = Some(HashMap::new());
    }

    /// What others are to be told: what has changed if they have all, or all.
    pub(super) fn take_local(&mut self, they_have_all: bool) -> Local {
        let changes = self.unshared.as_mut().map(std::mem::take).unwrap_or_default();
        if !they_have_all {
            return Local::All(self.users.keys().map(User::reference).collect());
        }
        let (mut arrived, mut left) = (Vec::new(), Vec::new());
        for (key, (name, is_here)) in changes {
            match is_here {
                true => arrived.push(UserRef { name, key }),
                false => left.push(key),
            }
        }
        Local::Changes { arrived, left }
    }

    /// Takes what is said of other instances. What comes of it is told with the next changes, unless it is only now
    /// known what was so before.
    pub(super) fn hear_elsewhere<T>(
        &mut self,
        is_told: impl FnOnce(&T) -> bool,
        hear: impl FnOnce(&mut Elsewhere, &mut Vec<Change>) -> T,
    ) -> T {
        let mut changes = Vec::new();
        let result = hear(&mut self.elsewhere, &mut changes);
        let is_told = is_told(&result);
        for Change { key, name, online } in changes {
            let here = self.users.get(key.as_str());
            match online {
                true => self.both += usize::from(here.is_some()),
                false => self.both -= usize::from(here.is_some()),
            }
            if is_told {
                let was_online = !online || here.is_some();
                self.before.entry(key).or_insert((name, was_online));
            }
        }
        result
    }

    /// How many users are here or elsewhere.
    pub(super) fn online(&self) -> usize {
        self.users.len() + self.elsewhere.len() - self.both
    }

    /// Whether a user is here or elsewhere.
    fn is_online(&self, key: &str) -> bool {
        self.is_here(key) || self.elsewhere.contains(key)
    }

    pub(super) fn is_here(&self, key: &str) -> bool {
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
        let here = self.users.get_key_value(key).map(|(user, _)| user.name());
        here.or_else(|| self.elsewhere.name(key))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let elsewhere = self.elsewhere.iter().filter(|(key, _)| !self.users.contains_key(*key));
        self.users.keys().map(User::name).chain(elsewhere.map(|(_, name)| name))
    }
}

impl User {
    fn key(&self) -> &str {
        self.0.user().unwrap_or_default()
    }

    fn name(&self) -> &str {
        self.0.session().map_or("", |session| &session.user.name)
    }

    fn reference(&self) -> UserRef {
        UserRef { name: self.name().to_owned(), key: self.key().to_owned() }
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
mod tests;
