//! [`Ring`]: users in a circle, who talk to their neighbours.

use crate::load::crowd::user_name;

/// Neighbours on each side with whom a user has a direct conversation.
const NEIGHBOURS: usize = 5;

/// Groups of each user, and the members of each group.
const GROUPS: usize = 10;
const MEMBERS: usize = 10;

/// Pairs who send each other private messages.
pub(super) const PAIRS: usize = 200;

/// Conversations of each user, without the public room.
pub(super) const EACH: usize = 2 * NEIGHBOURS + GROUPS;

/// So many users.
#[derive(Clone, Copy)]
pub(super) struct Ring(pub(super) usize);

/// Something to be done to the message service.
pub(super) struct Step {
    pub(super) path: &'static str,
    pub(super) body: String,
}

impl Ring {
    /// Directs: each user tells the next ones something, which makes the conversations.
    pub(super) fn directs(self) -> usize {
        self.0 * NEIGHBOURS
    }

    pub(super) fn direct(self, number: usize) -> Step {
        let (user, distance) = (number / NEIGHBOURS, 1 + number % NEIGHBOURS);
        let (user, other) = (user_name(user), user_name(self.wrap(user + distance)));
        let body =
            format!(r#"{{"user":"{user}","recipient":"{other}","content":"hello {other}"}}"#);
        Step { path: "/messages", body }
    }

    /// Groups: in each of so many rounds every user is in one.
    pub(super) fn groups(self) -> usize {
        self.0 / MEMBERS * GROUPS
    }

    pub(super) fn group(self, number: usize) -> Step {
        // Each round begins somewhere else, so that its groups are others.
        let (round, at) = (number % GROUPS, number / GROUPS);
        let member = |which: usize| user_name(self.wrap(at * MEMBERS + round + which));
        let others: Vec<_> = (1..MEMBERS).map(|which| format!("\"{}\"", member(which))).collect();
        let body = format!(
            r#"{{"user":"{}","kind":"group","name":"group {number}","members":[{}]}}"#,
            member(0),
            others.join(",")
        );
        Step { path: "/conversations", body }
    }

    /// A user and a neighbour of theirs, one of some pairs: the same for the same number.
    pub(super) fn pair(self, number: usize) -> (String, String) {
        let number = number % PAIRS;
        // A prime far from every size that is likely, so that all parts of the ring come up.
        let user = self.wrap(number * 7_919);
        (user_name(user), user_name(self.wrap(user + 1 + number % NEIGHBOURS)))
    }

    /// Something that a pair has said before.
    pub(super) fn first_message(self, number: usize) -> Step {
        let (user, other) = self.pair(number);
        let body = format!(r#"{{"user":"{user}","recipient":"{other}","content":"first"}}"#);
        Step { path: "/messages", body }
    }

    fn wrap(self, user: usize) -> usize {
        user % self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use serde_json::Value;

    use super::*;

    #[test]
    fn everyone_has_as_many_conversations() {
        let ring = Ring(40);
        let mut conversations: HashMap<String, HashSet<String>> = HashMap::new();
        let mut meet = |user: &str, place: String| {
            assert!(conversations.entry(user.to_owned()).or_default().insert(place));
        };
        for number in 0..ring.directs() {
            let step: Value = serde_json::from_str(&ring.direct(number).body).unwrap();
            let [user, other] = ["user", "recipient"].map(|name| step[name].as_str().unwrap());
            meet(user, other.to_owned());
            meet(other, user.to_owned());
        }
        for number in 0..ring.groups() {
            let step: Value = serde_json::from_str(&ring.group(number).body).unwrap();
            let others = step["members"].as_array().unwrap().iter().chain([&step["user"]]);
            for user in others {
                meet(user.as_str().unwrap(), format!("group {number}"));
            }
        }
        assert_eq!(conversations.len(), 40);
        assert!(conversations.values().all(|all| all.len() == EACH));
    }

    #[test]
    fn pairs_are_neighbours_all_around() {
        let ring = Ring(40);
        let pairs: HashSet<_> = (0..200).map(|number| ring.pair(number)).collect();
        let users: HashSet<_> = pairs.iter().map(|(user, _)| user).collect();
        assert!(users.len() == 40 && pairs.iter().all(|(user, other)| user != other));
    }
}
