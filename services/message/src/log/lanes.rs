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

/// What waits.
pub(super) struct Lanes<T> {
    light: VecDeque<T>,
    /// By user; whose turn is next comes first.
    heavy: VecDeque<(String, VecDeque<Heavy<T>>)>,
    heavy_count: usize,
}

struct Heavy<T> {
    rows: usize,
    what: T,
}

impl<T> Default for Lanes<T> {
    fn default() -> Self {
        Self { light: VecDeque::new(), heavy: VecDeque::new(), heavy_count: 0 }
    }
}

impl<T> Lanes<T> {
    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.light.len() + self.heavy_count
    }

    /// Lines something up: how many rows it writes, and for whom. Gives it back if there is no room.
    pub(super) fn push(&mut self, rows: usize, user: &str, what: T) -> Result<(), T> {
        if rows <= LIGHT {
            self.light.push_back(what);
            return Ok(());
        }
        if self.heavy_count == MOST_HEAVY {
            return Err(what);
        }
        self.heavy_count += 1;
        let heavy = Heavy { rows, what };
        match self.heavy.iter_mut().find(|(known, _)| known == user) {
            Some((_, theirs)) => theirs.push_back(heavy),
            None => self.heavy.push_back((user.to_owned(), VecDeque::from([heavy]))),
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
            if let Some(Heavy { rows, what }) = theirs.pop_front() {
                next.push(what);
                self.heavy_count -= 1;
                room = room.saturating_sub(rows);
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

    #[test]
    fn nobody_waits_for_more_than_a_commit_of_what_is_heavy() {
        let mut lanes = Lanes::default();
        let push = |lanes: &mut Lanes<String>, rows, user: &str, what: &str| {
            lanes.push(rows, user, what.to_owned()).unwrap();
        };
        for number in 0..3 {
            push(&mut lanes, 1_000, "rude", &format!("rude {number}"));
        }
        push(&mut lanes, 500, "other", "other");
        push(&mut lanes, LIGHT, "al", "one");
        push(&mut lanes, 1, "bo", "two");
        assert_eq!(lanes.next(1), ["one", "rude 0"]);
        assert_eq!(lanes.next(256), ["two", "other", "rude 1"]);
        push(&mut lanes, 1, "bo", "three");
        assert_eq!((lanes.next(256), lanes.len()), (vec!["three".into(), "rude 2".into()], 0));
        // Several fit into one commit, and no more wait than may.
        for number in 0..MOST_HEAVY {
            push(&mut lanes, 200, "al", &number.to_string());
        }
        assert_eq!(lanes.push(200, "bo", "too many".to_owned()), Err("too many".to_owned()));
        assert!(lanes.push(1, "bo", "light".to_owned()).is_ok());
        assert_eq!(lanes.next(256), ["light", "0", "1", "2", "3", "4"]);
    }
}
