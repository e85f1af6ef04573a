//! What is asked of the [`Store`](super::Store), and what it answers.

use std::collections::{HashMap, HashSet};

use common::{Batch, EventId, Moment};

use super::StoreError;
use crate::chat::{
    change::{Outcome, Receipt, Refusal},
    conversation::{Conversation, ConversationKind},
    member::JoinedMember,
    message::Message,
    user::Account,
};

/// What became of a batch.
#[derive(Debug)]
pub struct Committed {
    /// One outcome for each operation, in the same order.
    pub outcomes: Vec<Outcome>,
    /// What the batch added to the event log.
    pub log: Batch,
    /// Markers that moved.
    pub receipts: Vec<Receipt>,
}

/// What time it is, for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keeping {
    /// What the clock says.
    pub now: Moment,
    /// The last id of the log.
    pub head: EventId,
    /// Whether that is before the last note.
    pub is_behind: bool,
}

/// What is known of those who come to streams.
#[derive(Debug, Default)]
pub struct Arrivals {
    /// Their accounts, by key.
    pub accounts: HashMap<String, Account>,
    /// Those of the rooms that there are.
    pub rooms: HashSet<String>,
    /// The keys of those for whom there may be what has not been delivered to them.
    pub awaited: HashSet<String>,
    /// Keys of those who look like somebody else, whose name is protected.
    pub lookalikes: HashSet<String>,
}

/// Why the log cannot be continued from a cursor: an answer would hide a hole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoCursor {
    /// The log does not reach back to it any more.
    #[error("the cursor is too old")]
    Expired,
    /// The log does not hold it: it has not come so far, or it is not the log that the cursor is from.
    #[error("the cursor is unknown")]
    Unknown,
}

/// Who looks at the log.
#[derive(Clone, Copy, Debug)]
pub struct Viewer<'a> {
    /// The public rooms that they watch.
    pub rooms: &'a HashSet<String>,
    /// Their key.
    pub user: Option<&'a str>,
}

/// What a read gives, or why the caller may not have it.
pub type Allowed<T> = Result<Result<T, Refusal>, StoreError>;

/// A place in a conversation, from which to read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// The message with this id, or the place where it would stand.
    Id(EventId),
    /// The message with this number.
    Seq(u64),
}

/// Which part of a conversation to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// The newest messages.
    Newest,
    /// The newest messages before a place.
    Before(Position),
    /// The oldest messages after a place.
    After(Position),
    /// Messages on both sides of a place, and the one that stands there.
    Around(Position),
}

/// A part of a conversation, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The messages.
    pub messages: Vec<Message>,
    /// Whether there are older ones.
    pub has_older: bool,
    /// Whether there are newer ones.
    pub has_newer: bool,
}

/// Which conversations to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listing {
    /// Only these. All rooms are listed by it, joined or not.
    pub kind: Option<ConversationKind>,
    /// Only those whose last activity was before this.
    pub before: Option<EventId>,
    /// How many of the newest of those to leave out.
    pub skip: u32,
    /// How many.
    pub limit: u32,
}

/// A part of a list of conversations, newest activity first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The conversations, as their reader sees them.
    pub conversations: Vec<Conversation>,
    /// Before which to read on, if there are more.
    pub next: Option<EventId>,
    /// How far the log went: what comes after this is not counted in it, and all before is.
    pub cursor: EventId,
}

/// A part of the members of a conversation, by key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster {
    /// The members.
    pub members: Vec<JoinedMember>,
    /// Whether there are more.
    pub has_more: bool,
}

/// Which of the messages that a user was sent privately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inbox {
    /// Only those of direct conversations, not of groups.
    pub direct_only: bool,
    /// Only older ones than this.
    pub before: Option<EventId>,
    /// How many of the newest to leave out.
    pub skip: u32,
    /// How many.
    pub limit: u32,
}
