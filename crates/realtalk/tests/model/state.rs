//! [`State`]: what is known where, at one moment.

use crate::protocol::Budget;

/// A place in a log. Nothing has the first.
pub(crate) type Id = u8;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) logs: Vec<Log>,
    pub(crate) writers: Vec<Writer>,
    pub(crate) feeds: Vec<Feed>,
    pub(crate) clients: Vec<Client>,
    pub(crate) left: Budget,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Log {
    /// In the order of their commits.
    pub(crate) events: Vec<Event>,
    pub(crate) is_locked: bool,
    /// What a sequence would say next.
    pub(crate) next: Id,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Event {
    pub(crate) id: Id,
    pub(crate) writer: usize,
}

/// A batch of one event, as it is pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Batch {
    pub(crate) partition: usize,
    pub(crate) after: Id,
    pub(crate) event: Event,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Writer {
    pub(crate) posts: u8,
    pub(crate) step: Step,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    Idle,
    /// It has found out what it follows, and not begun.
    Waiting(Id),
    /// In the middle of a transaction.
    Open(Batch),
    /// Committed, and not told.
    Committed(Batch),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Feed {
    /// For each log: what it has of it last, what it keeps, and after what that begins.
    pub(crate) last: Vec<Id>,
    pub(crate) ring: Vec<Vec<Event>>,
    pub(crate) floor: Vec<Id>,
    /// On their way to it, in no order.
    pub(crate) inbox: Vec<Batch>,
    /// Those that have come before what precedes them.
    pub(crate) early: Vec<Batch>,
    pub(crate) hears: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Client {
    pub(crate) at: Option<usize>,
    pub(crate) cursor: Vec<Id>,
    /// Written to it, and not read.
    pub(crate) unread: Vec<(usize, Event)>,
    pub(crate) got: Vec<(usize, Id)>,
}

impl Log {
    pub(crate) fn last(&self) -> Id {
        self.events.iter().map(|event| event.id).max().unwrap_or(0)
    }

    /// As the database gives them: by id.
    pub(crate) fn after(&self, id: Id) -> Vec<Event> {
        let mut events: Vec<_> =
            self.events.iter().copied().filter(|event| event.id > id).collect();
        events.sort_unstable();
        events
    }
}

impl Client {
    /// What a client may see.
    pub(crate) const fn sees(number: usize, event: Event) -> bool {
        number == 0 || event.writer == 0
    }
}
