//! [`Ahead`]: cursors that the feed has not come to yet, and those who wait for it.

use std::time::{Duration, Instant};

use common::EventId;
use tokio::sync::oneshot;

/// How long a push may take that brings what somebody has heard of already. A pull that is asked for
/// at once would nearly always bring what is on its way anyway, and keep it waiting.
const ON_ITS_WAY: Duration = Duration::from_millis(50);

/// Whether the log has come as far as a cursor says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// It has, and so has the hub.
    Yes,
    /// It has not: nobody was given this cursor.
    No,
    /// The message service does not say.
    Unsure,
}

/// Those who wait, in the order in which they came.
#[derive(Default)]
pub(super) struct Ahead(Vec<Waiting>);

struct Waiting {
    cursor: EventId,
    since: Instant,
    answer: oneshot::Sender<Reached>,
}

impl Ahead {
    pub(super) fn add(&mut self, cursor: EventId, answer: oneshot::Sender<Reached>) {
        self.0.push(Waiting { cursor, since: Instant::now(), answer });
    }

    /// When the first has waited for long enough for a push.
    pub(super) fn pull_at(&self) -> Option<Instant> {
        self.0.first().map(|first| first.since + ON_ITS_WAY)
    }

    /// Tells those whose cursor the feed has come to; and the others too, if there is something to
    /// tell them.
    pub(super) fn tell(&mut self, last: EventId, others: Option<Reached>) {
        let is_told = |waiting: &mut Waiting| waiting.cursor <= last || others.is_some();
        for Waiting { cursor, answer, .. } in self.0.extract_if(.., is_told) {
            let reached = others.filter(|_| cursor > last).unwrap_or(Reached::Yes);
            // Who has gone away need not know.
            answer.send(reached).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_is_told_once_and_what_is_true() {
        let [here, there] = ["20260101000000.000001", "20260101000000.000002"];
        let (here, there) = (here.parse().unwrap(), there.parse().unwrap());
        let mut ahead = Ahead::default();
        let mut wait = |cursor| {
            let (answer, told) = oneshot::channel();
            ahead.add(cursor, answer);
            told
        };
        let (mut near, mut far) = (wait(here), wait(there));
        let asked = Instant::now();
        ahead.tell(EventId::ZERO, None);
        assert!(near.try_recv().is_err());
        ahead.tell(here, None);
        assert_eq!(near.try_recv(), Ok(Reached::Yes));
        assert!(far.try_recv().is_err());
        assert!(ahead.pull_at().unwrap() <= asked + ON_ITS_WAY, "a push is waited for anew");
        ahead.tell(here, Some(Reached::No));
        assert_eq!(far.try_recv(), Ok(Reached::No));
        assert_eq!(ahead.pull_at(), None);
    }
}
