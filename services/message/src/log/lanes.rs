//! [`Lanes`]: what waits for the writer, and what goes into its next commit.
//!
//! Most operations are a few rows. Of those that are many, such as a group of a thousand, a commit has
//! few besides what is light: however many of these wait, nobody else waits for more than one commit,
//! and users take turns at them.

use std::collections::VecDeque;

/// Operations of more rows than this are heavy.
const LIGHT: usize = 64;

/// Rows of heavy operations in one commit; one of them at least.
const MOST_ROWS: usize = 1_000;

/// Heavy operations that may wait. More would wait longer than their clients do.
const MOST_HEAVY: usize = 256;

/// What can be lined up.
pub(super) trait Load {
    /// How many rows it writes, and for whom.
    fn weight(&self) -> (usize, &str);
}

/// What waits.
pub(super) struct Lanes<T> {
    light: VecDeque<T>,
    /// By user; whose turn is next comes first.
    heavy: VecDeque<(String, VecDeque<T>)>,
    heavy_count: usize,
}

impl<T> Default for Lanes<T> {
    fn default() -> Self {
        Self { light: VecDeque::new(), heavy: VecDeque::new(), heavy_count: 0 }
    }
}

impl<T: Load> Lanes<T> {
    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.light.len() + self.heavy_count
    }

    /// Lines something up. Gives it back if there is no room.
    pub(super) fn push(&mut self, what: T) -> Result<(), T> {
        let (rows, user) = what.weight();
        if rows <= LIGHT {
            self.light.push_back(what);
            return Ok(());
        }
        if self.heavy_count == MOST_HEAVY {
            return Err(what);
        }
        self.heavy_count += 1;
        match self.heavy.iter_mut().find(|(known, _)| known == user) {
            Some((_, theirs)) => theirs.push_back(what),
            None => self.heavy.push_back((user.to_owned(), VecDeque::from([what]))),
        }
        Ok(())
    }

    /// What is next: at most so many that are light, in the order in which they came, and after them
    /// some that are heavy.
    pub(super) fn next(&mut self, most: usize) -> Vec<T> {
        let light = self.light.len().min(most);
        let mut next: Vec<_> = self.light.drain(..light).collect();
        let mut room = MOST_ROWS;
        while room > 0
            && let Some((user, mut theirs)) = self.heavy.pop_front()
        {
            if let Some(what) = theirs.pop_front() {
                room = room.saturating_sub(what.weight().0);
                next.push(what);
                self.heavy_count -= 1;
            }
            if !theirs.is_empty() {
                self.heavy.push_back((user, theirs));
            }
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows, for whom, and what it is called.
    #[derive(Debug, PartialEq, Eq)]
    struct Thing(usize, &'static str, String);

    impl Load for Thing {
        fn weight(&self) -> (usize, &str) {
            (self.0, self.1)
        }
    }

    fn next(lanes: &mut Lanes<Thing>, most: usize) -> Vec<String> {
        lanes.next(most).into_iter().map(|Thing(_, _, name)| name).collect()
    }

    #[test]
    fn nobody_waits_for_more_than_a_commit_of_what_is_heavy() {
        let mut lanes = Lanes::default();
        let push = |lanes: &mut Lanes<Thing>, rows, user, what: &str| {
            lanes.push(Thing(rows, user, what.to_owned())).unwrap();
        };
        for number in 0..3 {
            push(&mut lanes, 1_000, "rude", &format!("rude {number}"));
        }
        push(&mut lanes, 500, "other", "other");
        push(&mut lanes, LIGHT, "al", "one");
        push(&mut lanes, 1, "bo", "two");
        assert_eq!(next(&mut lanes, 1), ["one", "rude 0"]);
        assert_eq!(next(&mut lanes, 256), ["two", "other", "rude 1"]);
        push(&mut lanes, 1, "bo", "three");
        assert_eq!(
            (next(&mut lanes, 256), lanes.len()),
            (vec!["three".into(), "rude 2".into()], 0)
        );
        // Several fit into one commit, and no more wait than may.
        for number in 0..MOST_HEAVY {
            push(&mut lanes, 200, "al", &number.to_string());
        }
        let surplus = || Thing(200, "bo", "too many".to_owned());
        assert_eq!(lanes.push(surplus()), Err(surplus()));
        assert!(lanes.push(Thing(1, "bo", "light".to_owned())).is_ok());
        assert_eq!(next(&mut lanes, 256), ["light", "0", "1", "2", "3", "4"]);
    }
}
