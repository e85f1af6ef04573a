//! [`Elsewhere`]: who is connected to other instances, as those say.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use bus::{RosterChange, RosterChangeKind, RosterPage};
use common::internal::UserRef;

use super::change::Change;

/// How long an instance that is heard again has to say so, after nothing could be heard.
const EXCUSED: Duration = Duration::from_secs(15);

/// Who is connected to other instances. Every step costs what has changed, but for one that goes or is read.
#[derive(Default)]
pub(super) struct Elsewhere {
    users: HashMap<Arc<str>, There>,
    instances: HashMap<String, Instance>,
}

/// A user, by key.
struct There {
    /// As first written, if that is not the key.
    name: Option<Box<str>>,
    /// To how many instances they are connected.
    instances: usize,
}

struct Instance {
    version: u64,
    /// Until when what it has said holds.
    ends: Instant,
    has_left: bool,
    users: HashSet<Arc<str>>,
}

/// What becomes of something that an instance says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hearing {
    /// It is known now.
    Done,
    /// Something was missed before it: all that the instance says has to be read.
    Missed,
}

impl Elsewhere {
    /// Takes what an instance says, which holds for `lease`; for `grace`, if it says that it goes: its people are on
    /// their way to others. Who was not there before, or is not there any more, goes into `changes`.
    pub(super) fn hear(
        &mut self,
        said: RosterChange,
        now: Instant,
        (lease, grace): (Duration, Duration),
        changes: &mut Vec<Change>,
    ) -> Hearing {
        let RosterChange { from, version, arrived, left, kind } = said;
        let Some(instance) = self.instances.get_mut(&from) else {
            return if kind == RosterChangeKind::Gone { Hearing::Done } else { Hearing::Missed };
        };
        // What comes late or twice says nothing, not even that the instance is there.
        if version <= instance.version {
            return Hearing::Done;
        }
        if kind == RosterChangeKind::Gone {
            (instance.version, instance.has_left) = (version, true);
            instance.ends = now + grace;
            return Hearing::Done;
        }
        if kind == RosterChangeKind::Whole || version != instance.version + 1 {
            return Hearing::Missed;
        }
        (instance.version, instance.ends) = (version, now + lease);
        for user in arrived {
            let key = known(&self.users, &user.key);
            if instance.users.insert(key.clone()) {
                enter(&mut self.users, key, user, changes);
            }
        }
        for key in left {
            if let Some(key) = instance.users.take(&*key) {
                exit(&mut self.users, &key, changes);
            }
        }
        Hearing::Done
    }

    /// Takes all that an instance says. Returns whether nothing was known of it.
    pub(super) fn read(
        &mut self,
        name: &str,
        page: RosterPage,
        now: Instant,
        changes: &mut Vec<Change>,
    ) -> bool {
        let before = self.instances.get_mut(name);
        let is_new = before.is_none();
        let mut before = match before {
            Some(instance) if instance.version >= page.version => return false,
            Some(instance) => std::mem::take(&mut instance.users),
            None => HashSet::new(),
        };
        let mut users = HashSet::with_capacity(page.people.len());
        for user in page.people {
            let key = known(&self.users, &user.key);
            if !before.remove(&key) {
                enter(&mut self.users, key.clone(), user, changes);
            }
            users.insert(key);
        }
        for key in before {
            exit(&mut self.users, &key, changes);
        }
        let ends = now + page.holds;
        let instance = Instance { version: page.version, ends, has_left: false, users };
        self.instances.insert(name.to_owned(), instance);
        is_new
    }

    /// An instance says nothing any more: nothing holds of what it has said, as soon as that has ended.
    pub(super) fn drop_ended(&mut self, name: &str, now: Instant, changes: &mut Vec<Change>) {
        if let Some(instance) = self.instances.remove(name) {
            if instance.ends > now {
                self.instances.insert(name.to_owned(), instance);
                return;
            }
            instance.users.iter().for_each(|key| exit(&mut self.users, key, changes));
        }
    }

    /// Instances of which nothing holds any more, unless they have said something that was not heard.
    pub(super) fn ended(&self, now: Instant) -> Vec<String> {
        let ended = self.instances.iter().filter(|(_, instance)| instance.ends <= now);
        ended.map(|(name, _)| name.clone()).collect()
    }

    /// Nothing could be heard of any instance: none is taken to have gone before it had time to say that it is there.
    pub(super) fn excuse(&mut self, now: Instant) {
        for instance in self.instances.values_mut().filter(|instance| !instance.has_left) {
            instance.ends = instance.ends.max(now + EXCUSED);
        }
    }

    pub(super) fn contains(&self, key: &str) -> bool {
        self.users.contains_key(key)
    }

    pub(super) fn name(&self, key: &str) -> Option<&str> {
        let (key, there) = self.users.get_key_value(key)?;
        Some(there.name.as_deref().unwrap_or(key))
    }

    pub(super) fn len(&self) -> usize {
        self.users.len()
    }

    /// Keys and names.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.users.iter().map(|(key, there)| (&**key, there.name.as_deref().unwrap_or(key)))
    }
}

type Users = HashMap<Arc<str>, There>;

/// The key as it is known, of which all who have it share one.
fn known(users: &Users, key: &str) -> Arc<str> {
    users.get_key_value(key).map_or_else(|| key.into(), |(known, _)| known.clone())
}

fn enter(users: &mut Users, key: Arc<str>, user: UserRef, changes: &mut Vec<Change>) {
    let there = users.entry(key).or_insert_with(|| {
        changes.push(Change { key: user.key.clone(), name: user.name.clone(), online: true });
        let name = (user.name != user.key).then(|| user.name.into());
        There { name, instances: 0 }
    });
    there.instances += 1;
}

fn exit(users: &mut Users, key: &str, changes: &mut Vec<Change>) {
    let Some(there) = users.get_mut(key) else { return };
    there.instances -= 1;
    if there.instances == 0 {
        let name = there.name.take().map_or_else(|| key.to_owned(), String::from);
        changes.push(Change { key: key.to_owned(), name, online: false });
        users.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMES: (Duration, Duration) = (Duration::from_secs(40), Duration::from_secs(13));

    fn people(keys: &[&str]) -> Vec<UserRef> {
        keys.iter()
            .map(|key| UserRef { key: key.to_lowercase(), name: (*key).to_owned() })
            .collect()
    }

    fn said(from: &str, version: u64, arrived: &[&str], left: &[&str]) -> RosterChange {
        let left = left.iter().map(|key| (*key).to_owned()).collect();
        let kind = RosterChangeKind::Next;
        RosterChange { from: from.to_owned(), version, arrived: people(arrived), left, kind }
    }

    fn page(version: u64, keys: &[&str]) -> RosterPage {
        RosterPage { version, people: people(keys), holds: TIMES.0 }
    }

    /// What has changed, in the order of names.
    fn of(changes: &mut Vec<Change>) -> Vec<(String, bool)> {
        let all = std::mem::take(changes).into_iter().map(|change| (change.name, change.online));
        let mut all: Vec<_> = all.collect();
        all.sort();
        all
    }

    #[test]
    fn somebody_is_there_as_long_as_one_instance_says_so() {
        let (mut there, now, mut changes) = (Elsewhere::default(), Instant::now(), Vec::new());
        let hear = |there: &mut Elsewhere, said, changes: &mut Vec<Change>| {
            there.hear(said, now, TIMES, changes)
        };
        assert_eq!(hear(&mut there, said("a", 1, &["Bob"], &[]), &mut changes), Hearing::Missed);
        assert!(there.read("a", page(1, &["Bob"]), now, &mut changes));
        there.read("b", page(7, &["Bob", "Eve"]), now, &mut changes);
        assert_eq!(of(&mut changes), [("Bob".to_owned(), true), ("Eve".to_owned(), true)]);
        assert_eq!((there.name("bob"), there.name("eve")), (Some("Bob"), Some("Eve")));
        // Heard before it was read, and read before it was heard.
        assert_eq!(hear(&mut there, said("a", 1, &["Bob"], &[]), &mut changes), Hearing::Done);
        assert_eq!(hear(&mut there, said("a", 2, &[], &["bob"]), &mut changes), Hearing::Done);
        assert!(!there.read("a", page(1, &["Bob"]), now, &mut changes));
        assert!(of(&mut changes).is_empty() && there.contains("bob"));
        assert_eq!(hear(&mut there, said("b", 8, &[], &["bob"]), &mut changes), Hearing::Done);
        assert_eq!(of(&mut changes), [("Bob".to_owned(), false)]);
        // Something in between is missing, or all has been written anew.
        assert_eq!(hear(&mut there, said("b", 10, &["Al"], &[]), &mut changes), Hearing::Missed);
        let whole = RosterChange { kind: RosterChangeKind::Whole, ..said("b", 9, &[], &[]) };
        assert_eq!(hear(&mut there, whole, &mut changes), Hearing::Missed);
        assert!(!there.read("b", page(10, &["Al", "Eve"]), now, &mut changes));
        assert_eq!(of(&mut changes), [("Al".to_owned(), true)]);
        let gone = RosterChange { kind: RosterChangeKind::Gone, ..said("b", 11, &[], &[]) };
        hear(&mut there, gone.clone(), &mut changes);
        let later = now + TIMES.1;
        assert_eq!((there.ended(now), there.ended(later)), (vec![], vec!["b".to_owned()]));
        // It is not excused, and what comes twice does not keep it.
        there.excuse(now);
        hear(&mut there, gone, &mut changes);
        there.drop_ended("b", now, &mut changes);
        assert!(of(&mut changes).is_empty());
        there.drop_ended("b", later, &mut changes);
        assert_eq!(of(&mut changes), [("Al".to_owned(), false), ("Eve".to_owned(), false)]);
        assert!(there.users.is_empty() && there.instances.len() == 1);
    }

    #[test]
    fn who_says_nothing_for_long_is_found() {
        let (mut there, start, mut changes) = (Elsewhere::default(), Instant::now(), Vec::new());
        let at = |seconds| start + Duration::from_secs(seconds);
        // It had said so a while ago when it was read.
        let old = RosterPage { holds: Duration::from_secs(5), ..page(1, &[]) };
        there.read("a", old, at(0), &mut changes);
        there.read("b", page(1, &[]), at(0), &mut changes);
        assert_eq!(there.ended(at(5)), ["a"]);
        there.hear(said("b", 2, &[], &[]), at(10), TIMES, &mut changes);
        assert_eq!(there.ended(at(49)), ["a"]);
        there.excuse(at(49));
        assert!(there.ended(at(63)).is_empty());
        assert_eq!(there.ended(at(64)).len(), 2);
    }
}
