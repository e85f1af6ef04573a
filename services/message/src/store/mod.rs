//! [`Store`]: what has been said, kept.
//!
//! All SQL lives below this module, one file for each database. [`plan`] holds what they share:
//! the rules by which a run of posts becomes rows, [`journal`] what a batch adds to the log.

pub mod conversations;
pub mod journal;
pub mod known;
pub mod plan;
pub mod sqlite;

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    time::Duration,
};

use async_trait::async_trait;
use common::{Batch, EventId, Moment, event::LogPage};

use crate::chat::{
    change::{Operation, Outcome, Receipt, Refusal},
    message::Message,
    user::Account,
    username::Username,
};
pub use conversations::ConversationReads;
pub use sqlite::{READS_AT_ONCE, SqliteStore};

/// Why the store could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No room left on the device.
    #[error("the disk is full: {0}")]
    Full(sqlx::Error),
    /// What was asked for breaks a rule of the schema, which is for the code above to prevent.
    #[error("a rule of the schema is broken: {0}")]
    Rule(sqlx::Error),
    /// The file cannot be served.
    #[error(transparent)]
    File(#[from] sqlite::FileError),
    /// Anything else that the database reports.
    #[error("the database failed: {0}")]
    Database(sqlx::Error),
    /// What is in the database cannot be what was put there.
    #[error("the database holds what cannot be read: {0}")]
    Corrupt(#[from] serde_json::Error),
}

impl StoreError {
    /// Whether an operation is to blame, rather than the database: it would fail again, and others
    /// would not.
    pub const fn is_of_operation(&self) -> bool {
        matches!(self, Self::Rule(_) | Self::Corrupt(_))
    }
}

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

/// The data of the service. Only the writer task calls [`commit`](Store::commit),
/// [`keep_time`](Store::keep_time), [`prune`](Store::prune), [`tidy`](Store::tidy) and
/// [`probe`](Store::probe); reads never wait for it.
#[async_trait]
pub trait Store: ConversationReads + Send + Sync + 'static {
    /// Carries out operations in order, with their events, and makes them durable. Each is done or
    /// refused by itself; if this fails, none is done.
    async fn commit(&self, operations: &[Operation]) -> Result<Committed, StoreError>;

    /// Notes how far the log has come at this time, every few minutes; not if the clock is behind the last
    /// note. If that is `sure` to have been made by a clock that was ahead, it is forgotten, and whatever
    /// is dated later than now counts as dated now.
    async fn keep_time(&self, sure: bool) -> Result<Keeping, StoreError>;

    /// Removes at most `limit` events that are older than this, as far as that has been noted; returns
    /// how many.
    async fn prune(&self, age: Duration, limit: u32) -> Result<u64, StoreError>;

    /// Finds out whether writing works, by writing what nobody reads.
    async fn probe(&self) -> Result<(), StoreError>;

    /// Cuts back what has been written beside the data, if it has grown. Called once a second, between
    /// two commits. Returns whether nothing is left to do; who holds up what is left may do so for a
    /// while.
    async fn tidy(&self) -> Result<bool, StoreError>;

    /// Lets go of memory that it keeps from what it has done, as far as nobody uses it. Called now and
    /// then, between two commits.
    async fn let_go(&self) -> Result<(), StoreError>;

    /// The last id of the event log.
    async fn head(&self) -> Result<EventId, StoreError>;

    /// What is known of those with these names who come to streams of these rooms, in one read.
    async fn arrivals(
        &self,
        names: &[&Username],
        rooms: &BTreeSet<&str>,
    ) -> Result<Arrivals, StoreError>;

    /// The account with this key.
    async fn account(&self, key: &str) -> Result<Option<Account>, StoreError>;

    /// Whether somebody else's name that is protected looks like that of the user with this key, in one of
    /// these spellings.
    async fn is_lookalike(&self, key: &str, spellings: &[&str]) -> Result<bool, StoreError>;

    /// People whose name or display name has `part` in it, folded like a
    /// name's key; those whose name begins with it first. Deactivated ones are left out. Only
    /// those that follow the name with the key `after`, at most `limit`.
    async fn find_users(
        &self,
        part: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Account>, StoreError>;

    /// Whether all of these are public rooms.
    async fn are_rooms(&self, ids: &[String]) -> Result<bool, StoreError>;

    /// One message, for the user with this key.
    async fn message(&self, asker: Option<&str>, id: EventId) -> Allowed<Message>;

    /// A part of a conversation of at most `limit` messages, for the user with this key.
    async fn page(
        &self,
        asker: Option<&str>,
        conversation_id: &str,
        window: Window,
        limit: u32,
    ) -> Allowed<Page>;

    /// Messages that have not reached the user with this key, in all their private conversations,
    /// oldest first, after an id, at most `limit`.
    async fn undelivered(
        &self,
        key: &str,
        after: EventId,
        limit: u32,
    ) -> Result<Vec<Message>, StoreError>;

    /// Markers that have moved since a cursor, of all members of the user's private conversations
    /// and of the user themself; at most `limit`.
    async fn receipts_after(
        &self,
        key: &str,
        after: EventId,
        limit: u32,
    ) -> Result<Vec<Receipt>, StoreError>;

    /// Markers that have moved within some seconds of the one that moved last, at most `limit`.
    async fn last_receipts(&self, seconds: u32, limit: u32) -> Result<Vec<Receipt>, StoreError>;

    /// The events after a cursor that the log holds, at most `limit` and one page; who sees less than
    /// the head reads on.
    async fn events_after(
        &self,
        after: EventId,
        limit: u32,
    ) -> Result<Result<LogPage, NoCursor>, StoreError>;

    /// The events after a cursor that somebody may see, at most `limit` and one page. It says how far it
    /// looked; who wants more reads on from there.
    async fn events_for(
        &self,
        after: EventId,
        viewer: Viewer<'_>,
        limit: u32,
    ) -> Result<Result<LogPage, NoCursor>, StoreError>;

    /// The first page, of at most `limit` events, of the last `tail` events, of fewer if those are large.
    async fn events_tail(&self, tail: u32, limit: u32) -> Result<LogPage, StoreError>;

    /// Releases the database.
    async fn close(&self);
}
