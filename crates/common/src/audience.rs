//! [`Audience`]: who may see an event, and the sets of users that many events share.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Who may see an event.
///
/// Live delivery and replay apply the same rule, [`Audience::admits`], so that a reconnect can
/// never show more or less than an open stream did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Audience {
    /// Everyone who watches this public room.
    Room(String),
    /// These users, wherever they are connected.
    Users(Vec<String>),
    /// The users of a set that is kept, or travels, beside the events. Whoever is to decide
    /// something looks it up first: see [`Sets`].
    Set(SetId),
}

/// More users than this are kept by reference.
const FEW: usize = 2;

/// How many sets, and about how many bytes of them, the relay takes for known; whoever is told keeps
/// twice as many, or it would be told in vain.
pub const MOST_TOLD: usize = 2_048;
/// As above, in bytes.
pub const MOST_TOLD_BYTES: usize = 16 * 1024 * 1024;

impl Audience {
    /// Whether a stream that watches `rooms` as `user` receives the event.
    pub fn admits(&self, rooms: &HashSet<String>, user: Option<&str>) -> bool {
        match self {
            Self::Room(room) => rooms.contains(room),
            Self::Users(users) => user.is_some_and(|user| users.iter().any(|name| name == user)),
            // Nobody knows who that is.
            Self::Set(_) => false,
        }
    }

    /// About how many bytes it takes in memory; as JSON never more than twice as many, even where
    /// every character needs a backslash.
    pub fn size(&self) -> usize {
        match self {
            Self::Room(room) => room.len(),
            Self::Users(users) => users.iter().map(|user| size_of::<String>() + user.len()).sum(),
            Self::Set(set) => set.0.len(),
        }
    }

    /// The set that it refers to.
    pub fn set(&self) -> Option<&SetId> {
        match self {
            Self::Set(set) => Some(set),
            Self::Room(_) | Self::Users(_) => None,
        }
    }

    /// Each user once, in order.
    pub fn distinct(mut self) -> Self {
        if let Self::Users(users) = &mut self {
            users.sort_unstable();
            users.dedup();
        }
        self
    }
}

/// Which set of users: a digest of their keys, and so the same everywhere and for ever. No other set
/// can take its name, whatever is restored, copied or remembered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SetId(String);

impl SetId {
    /// The set of these users, each once and in order.
    fn of(users: &[String]) -> Self {
        let mut digest = Sha256::new();
        for user in users {
            digest.update((user.len() as u64).to_le_bytes());
            digest.update(user);
        }
        Self(hex::encode(digest.finalize()))
    }

    /// As it is kept.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Sets of users by their names, each as [`Audience::Users`].
///
/// An event for the thousand members of a group would name them all, which is many times what it
/// says. So it names the set, which is stored once, and travels once before its first use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sets(BTreeMap<SetId, Arc<Audience>>);

impl Sets {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The audience by reference, if it is of more than a few; then the set is in here.
    pub fn refer(&mut self, audience: &Arc<Audience>) -> Arc<Audience> {
        match &**audience {
            Audience::Users(users) if users.len() > FEW => {
                let distinct = Audience::Users(users.clone()).distinct();
                let Audience::Users(users) = &distinct else { return audience.clone() };
                let id = SetId::of(users);
                self.0.entry(id.clone()).or_insert_with(|| Arc::new(distinct));
                Arc::new(Audience::Set(id))
            }
            _ => audience.clone(),
        }
    }

    /// Whether a set is what its name says.
    pub fn is_sound(id: &SetId, users: &Audience) -> bool {
        matches!(users, Audience::Users(users) if SetId::of(users) == *id)
    }

    /// Adds a set.
    pub fn insert(&mut self, id: SetId, users: Arc<Audience>) {
        self.0.insert(id, users);
    }

    /// The users of a set.
    pub fn get(&self, id: &SetId) -> Option<&Arc<Audience>> {
        self.0.get(id)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&SetId, &Arc<Audience>)> {
        self.0.iter()
    }

    /// Adds all of another one's.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Keeps some.
    pub fn retain(&mut self, mut keep: impl FnMut(&SetId, &Arc<Audience>) -> bool) {
        self.0.retain(|id, users| keep(id, users));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(names: &[&str]) -> Arc<Audience> {
        Arc::new(Audience::Users(names.iter().map(|name| (*name).to_owned()).collect()))
    }

    #[test]
    fn an_audience_admits_its_own_and_nobody_else() {
        let rooms = HashSet::from(["public".to_owned()]);
        let room = Audience::Room("public".to_owned());
        assert!(room.admits(&rooms, None));
        assert!(!room.admits(&HashSet::new(), Some("alice")));
        let pair = users(&["alice", "bob"]);
        assert!(pair.admits(&rooms, Some("bob")));
        assert!(!pair.admits(&rooms, Some("carol")));
        assert!(!pair.admits(&rooms, None));
    }

    #[test]
    fn a_set_is_named_by_who_is_in_it() {
        let mut sets = Sets::default();
        let three = sets.refer(&users(&["carol", "alice", "bob", "alice"]));
        assert_eq!(three, sets.refer(&users(&["alice", "bob", "carol"])));
        assert_ne!(three, sets.refer(&users(&["alice", "bobcarol", "dave"])));
        let Audience::Set(id) = &*three else { panic!("{three:?}") };
        assert_eq!(sets.get(id), Some(&users(&["alice", "bob", "carol"])));
        assert_eq!(sets.iter().count(), 2);
        // Those that are shorter by themselves stay as they are.
        for few in [users(&[]), users(&["alice", "bob"]), Arc::new(Audience::Room("x".to_owned()))]
        {
            assert_eq!(sets.refer(&few), few);
        }
        assert_ne!(SetId::of(&["a".into(), "bc".into()]), SetId::of(&["ab".into(), "c".into()]));
    }
}
