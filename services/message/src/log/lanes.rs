//! [`Lanes`]: what waits for the writer, and what goes into its next commit.
//!
//! Most operations are a few rows. One that is many, such as a group of a thousand, goes into a
//! commit together with what is light, and with no other one: however many of these wait, nobody else
//! waits for more than one of them, and users take turns at them.

use std::collections::VecDeque;

/// Operations of more rows than this are heavy.
const LIGHT: usize = 16;

/// What waits.
pub(super) struct Lanes<T> {
    light: VecDeque<T>,
    /// By user; whose turn is next comes first.
    heavy: VecDeque<(String, VecDeque<T>)>,
    count: usize,
}

impl<T> Default for Lanes<T> {
    fn default() -> Self {
        Self { light: VecDeque::new(), heavy: VecDeque::new(), count: 0 }
    }
}

impl<T> Lanes<T> {
    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Lines something up: how many rows it writes, and for whom.
    pub(super) fn push(&mut self, rows: usize, user: &str, what: T) {
        self.count += 1;
        if rows <= LIGHT {
            return self.light.push_back(what);
        }
        match self.heavy.iter_mut().find(|(known, _)| known == user) {
            Some((_, theirs)) => theirs.push_back(what),
            None => self.heavy.push_back((user.to_owned(), VecDeque::from([what]))),
        }
    }

    /// What is next: at most so many that are light, in the order in which they came, and after them
    /// one that is heavy.
    pub(super) fn next(&mut self, most: usize) -> Vec<T> {
        let light = self.light.len().min(most);
        let mut next: Vec<_> = self.light.drain(..light).collect();
        if let Some((user, mut theirs)) = self.heavy.pop_front() {
            next.extend(theirs.pop_front());
            if !theirs.is_empty() {
                self.heavy.push_back((user, theirs));
            }
        }
        self.count -= next.len();
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits_for_more_than_one_that_is_heavy() {
        let mut lanes = Lanes::default();
        for number in 0..3 {
            lanes.push(1_000, "rude", format!("rude {number}"));
        }
        lanes.push(500, "other", "other".to_owned());
        lanes.push(LIGHT, "al", "one".to_owned());
        lanes.push(1, "bo", "two".to_owned());
        assert_eq!(lanes.next(1), ["one", "rude 0"]);
        assert_eq!(lanes.next(256), ["two", "other"]);
        assert_eq!((lanes.next(256), lanes.len()), (vec!["rude 1".to_owned()], 1));
        lanes.push(1, "bo", "three".to_owned());
        assert_eq!(lanes.next(256), ["three", "rude 2"]);
        assert_eq!((lanes.next(256), lanes.len()), (Vec::<String>::new(), 0));
    }
}
