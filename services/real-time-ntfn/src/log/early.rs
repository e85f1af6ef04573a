//! [`Early`]: batches that have come before what precedes them, which is on its way from another message service.

use std::time::{Duration, Instant};

use common::{Batch, EventId};
use tokio::sync::oneshot;

/// How long one waits for what precedes it before that is pulled: what two services tell at the same time comes
/// within less.
const PATIENCE: Duration = Duration::from_millis(5);

/// The most that wait.
const MOST: usize = 64;

/// A batch, and who is told when the feed is done with it.
pub(super) struct Pushed {
    pub(super) batch: Batch,
    pub(super) answer: Option<oneshot::Sender<EventId>>,
}

impl Pushed {
    /// The feed is done with it, and has the log up to `last`.
    pub(super) fn answer(self, last: EventId) {
        if let Some(answer) = self.answer {
            answer.send(last).ok();
        }
    }
}

/// Batches that wait, in the order in which they came.
#[derive(Default)]
pub(super) struct Early {
    waiting: Vec<Pushed>,
    since: Option<Instant>,
}

impl Early {
    pub(super) fn add(&mut self, pushed: Pushed) {
        self.waiting.push(pushed);
        self.since.get_or_insert_with(Instant::now);
    }

    /// When it has been waited for long enough.
    pub(super) fn pull_at(&self) -> Option<Instant> {
        let patience = if self.waiting.len() < MOST { PATIENCE } else { Duration::ZERO };
        self.since.map(|since| since + patience)
    }

    /// One that need not wait any more, since the log is there up to `last`.
    pub(super) fn next(&mut self, last: EventId) -> Option<Pushed> {
        let next = self.waiting.iter().position(|pushed| pushed.batch.after <= last)?;
        let next = self.waiting.remove(next);
        if self.waiting.is_empty() {
            self.since = None;
        }
        Some(next)
    }

    /// All that wait: nothing will come that precedes them.
    pub(super) fn give_up(&mut self) -> Vec<Pushed> {
        self.since = None;
        std::mem::take(&mut self.waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_goes_on_as_soon_as_it_can() {
        let id = |micros| EventId::from_micros(micros).unwrap();
        let pushed = |after| Pushed { batch: Batch::new(id(after), Vec::new()), answer: None };
        let mut early = Early::default();
        for after in [9, 5, 7] {
            early.add(pushed(after));
        }
        let begun = early.pull_at().unwrap();
        assert!(early.next(id(4)).is_none());
        assert_eq!(early.next(id(7)).unwrap().batch.after, id(5));
        assert_eq!(early.next(id(7)).unwrap().batch.after, id(7));
        assert!(early.next(id(7)).is_none());
        // As long as anything waits, it is as long as the first.
        assert_eq!(early.pull_at(), Some(begun));
        for _ in 1..MOST {
            early.add(pushed(9));
        }
        assert!(early.pull_at().unwrap() < begun);
        assert_eq!((early.give_up().len(), early.pull_at()), (MOST, None));
    }
}
