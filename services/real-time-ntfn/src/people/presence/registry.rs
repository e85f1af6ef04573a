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
mod tests {
    use std::collections::HashSet;

    use bus::RosterPage;
    use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};

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

    /// What others say, of whom one is heard.
    fn elsewhere(registry: &mut Registry, version: u64, keys: &[&str]) {
        let person = |key: &&str| UserRef { key: (*key).to_owned(), name: (*key).to_owned() };
        let people = keys.iter().map(person).collect();
        let page = RosterPage { version, people, holds: GRACE };
        registry.hear_elsewhere(
            |_| true,
            |there, changes| there.read("b", page, Instant::now(), changes),
        );
    }

    fn told(registry: &mut Registry, now: Instant) -> Vec<(String, bool)> {
        let changes = registry.changes(now).into_iter().map(|change| (change.key, change.online));
        let mut told: Vec<_> = changes.collect();
        told.sort();
        told
    }

    fn shared(registry: &mut Registry) -> (Vec<String>, Vec<String>) {
        match registry.take_local(true) {
            Local::Changes { arrived, left } => {
                (arrived.into_iter().map(|user| user.key).collect(), left)
            }
            Local::All(_) => panic!("all"),
        }
    }

    #[test]
    fn who_is_here_and_elsewhere_is_there_once() {
        let (mut registry, start) = (Registry::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let alice = Scope::public().with_user("alice");
        let of = |key: &str, online| (key.to_owned(), online);
        registry.share();
        registry.arrive(&alice);
        // Before anybody was told of her.
        elsewhere(&mut registry, 1, &["alice", "bob"]);
        assert_eq!(told(&mut registry, at(1)), [of("alice", true), of("bob", true)]);
        assert_eq!((registry.online(), shared(&mut registry)), (2, (vec!["alice".into()], vec![])));
        elsewhere(&mut registry, 2, &["bob"]);
        assert_eq!((told(&mut registry, at(2)), registry.online()), (vec![], 2));
        elsewhere(&mut registry, 3, &["alice"]);
        assert_eq!((told(&mut registry, at(3)), registry.online()), (vec![of("bob", false)], 1));
        registry.leave(&alice, at(4));
        assert_eq!((told(&mut registry, at(17)), registry.online()), (vec![], 1));
        assert_eq!(shared(&mut registry), (vec![], vec!["alice".into()]));
        assert_eq!((registry.name("alice"), registry.is_here("alice")), (Some("alice"), false));
        assert_eq!(registry.names().collect::<Vec<_>>(), ["alice"]);
        // Comes here in the moment in which she goes there.
        registry.arrive(&alice);
        elsewhere(&mut registry, 4, &[]);
        assert_eq!((told(&mut registry, at(18)), registry.online()), (vec![], 1));
        registry.leave(&alice, at(19));
        assert_eq!((told(&mut registry, at(32)), registry.online()), (vec![of("alice", false)], 0));
        assert!(registry.is_quiet() && registry.both == 0);
    }

    #[test]
    fn what_comes_and_goes_between_two_looks_is_not_told() {
        let (mut registry, start) = (Registry::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let alice = Scope::public().with_user("alice");
        let of = |key: &str, online| (key.to_owned(), online);
        registry.share();
        elsewhere(&mut registry, 1, &["alice"]);
        elsewhere(&mut registry, 2, &[]);
        assert_eq!(told(&mut registry, at(1)), []);
        elsewhere(&mut registry, 3, &["alice"]);
        assert_eq!(told(&mut registry, at(2)), [of("alice", true)]);
        // Gone there, come here: she was there all the time.
        elsewhere(&mut registry, 4, &[]);
        registry.arrive(&alice);
        assert_eq!((told(&mut registry, at(3)), registry.online()), (vec![], 1));
        assert_eq!(shared(&mut registry), (vec!["alice".into()], vec![]));
        // What others are told is the last of it, in whatever order it came.
        registry.leave(&alice, at(4));
        registry.expire(at(17));
        registry.arrive(&alice);
        assert_eq!(shared(&mut registry), (vec!["alice".into()], vec![]));
        assert!(matches!(registry.take_local(false), Local::All(people) if people.len() == 1));
        assert_eq!(registry.online(), 1);
    }

    /// Beside a set of those who are here and one of those who are elsewhere.
    #[test]
    fn what_is_told_is_what_has_changed_in_whatever_order() {
        let mut random = StdRng::seed_from_u64(1);
        let keys = ["a", "b", "c"];
        for _ in 0..300 {
            let (mut registry, start) = (Registry::default(), Instant::now());
            registry.share();
            let (mut here, mut there) = (HashMap::new(), HashSet::new());
            let (mut known, mut others_know) = (HashSet::new(), HashSet::new());
            let mut now = start;
            for version in 1..60 {
                now += Duration::from_secs(random.random_range(0..9));
                let key = *keys.choose(&mut random).unwrap();
                let scope = Scope::public().with_user(key);
                match random.random_range(0..6) {
                    0 => {
                        registry.arrive(&scope);
                        *here.entry(key).or_insert(0) += 1;
                    }
                    1 if here.get(key).is_some_and(|streams| *streams > 0) => {
                        registry.leave(&scope, now);
                        *here.entry(key).or_insert(0) -= 1;
                    }
                    2 | 3 => {
                        if !there.remove(key) {
                            there.insert(key);
                        }
                        let keys: Vec<_> = there.iter().copied().collect();
                        elsewhere(&mut registry, version, &keys);
                    }
                    4 => registry.expire(now),
                    _ => {
                        for (key, online) in told(&mut registry, now) {
                            let is_news =
                                if online { known.insert(key) } else { known.remove(&key) };
                            assert!(is_news, "told twice");
                        }
                        let (arrived, left) = shared(&mut registry);
                        others_know.extend(arrived);
                        left.iter().for_each(|key| {
                            others_know.remove(key);
                        });
                        let is_here = |key: &&str| registry.is_here(key);
                        let now_here: HashSet<_> = keys.into_iter().filter(is_here).collect();
                        let online = now_here.union(&there).map(|key| (*key).to_owned());
                        assert_eq!(known, online.collect());
                        assert_eq!(registry.online(), known.len());
                        assert_eq!(others_know, now_here.into_iter().map(str::to_owned).collect());
                        let streams =
                            |key: &&str| here.get(key).is_some_and(|streams| *streams > 0);
                        assert!(
                            keys.iter().filter(|key| streams(key)).all(|key| known.contains(*key))
                        );
                    }
                }
            }
        }
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
