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
    registry
        .hear_elsewhere(|_| true, |there, changes| there.read("b", page, Instant::now(), changes));
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
                        let is_news = if online { known.insert(key) } else { known.remove(&key) };
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
                    let streams = |key: &&str| here.get(key).is_some_and(|streams| *streams > 0);
                    assert!(keys.iter().filter(|key| streams(key)).all(|key| known.contains(*key)));
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
    let watchers = |registry: &Registry| ["a", "b", "public"].map(|room| registry.watchers(room));
    assert_eq!((watchers(&registry), registry.streams()), ([1, 1, 1], 2));
    registry.leave(&rooms, Instant::now());
    assert_eq!((watchers(&registry), registry.online()), ([0, 0, 1], 1));
}
