//! [`Store`]: what has been said, kept.
//!
//! All SQL lives below this module, by nouns, said once for both databases (`database/`); what is particular
//! to one of them is in `sqlite/` and `postgres.rs`. [`plan`] has the rules by which a run of posts becomes
//! rows, [`journal`] what a batch adds to the log.

mod audiences;
mod conversations;
mod database;
mod delivery;
mod engine;
mod error;
pub mod import;
pub mod journal;
pub mod known;
mod looks;
pub mod plan;
mod pool_metrics;
mod postgres;
mod read;
mod retention;
mod rows;
mod shared;
pub mod sqlite;
mod words;
mod write;

use std::{collections::BTreeSet, time::Duration};

use common::{Clock, EventId, event::LogPage};

use crate::{
    chat::{
        change::{Operation, Receipt},
        message::Message,
        user::Account,
        username::Username,
    },
    config::{Database, Durability},
};
use database::Pools;
pub use database::READS_AT_ONCE;
use engine::Engine;
pub use error::StoreError;
pub use pool_metrics::PoolMetrics;
use sqlite::DatabaseFile;
pub use words::{
    Allowed, Arrivals, Committed, Inbox, Keeping, Listed, Listing, NoCursor, Page, Position,
    Roster, Viewer, Window,
};
use write::Past;

/// How long it may take to say goodbye to a server.
const CLOSE: Duration = Duration::from_secs(5);

/// The data of the service. Only the writer task calls what writes to the log or looks after it:
/// [`commit`](Store::commit), [`keep_time`](Store::keep_time), [`prune`](Store::prune),
/// [`tidy`](Store::tidy), [`probe`](Store::probe), [`watch`](Store::watch), and what comes with the lease of
/// that; reads never wait for it.
pub struct Store {
    pools: Pools,
    clock: Clock,
    past: Past,
    // Let go of after the connections.
    engine: Engine,
}

/// Has something done by the connection that writes; one on which it fails is not used again.
macro_rules! on_writer {
    ($store:ident, $writer:ident => $work:expr) => {{
        let mut connection = $store.pools.writer.connection().await?;
        let $writer = &mut connection;
        let result = $work.await;
        connection.close_if_failed(&result).await;
        result
    }};
}
use on_writer;

impl Store {
    /// Opens the database and brings its schema up to date. A file is made if there is none, and served
    /// by one process at a time.
    pub async fn open(
        database: &Database,
        durability: Durability,
        clock: Clock,
    ) -> Result<Self, StoreError> {
        let (pools, engine) = match database {
            Database::File(path) => {
                let file = DatabaseFile::take(path)?;
                (sqlite::open(file.path(), durability).await?, Engine::Sqlite(file))
            }
            Database::Servers(hosts) => {
                (postgres::open(hosts, durability).await?, Engine::Postgres)
            }
        };
        Ok(Self { pools, clock, past: Past::default(), engine })
    }

    /// Carries out operations in order, with their events, and makes them durable. Each is done or
    /// refused by itself; if this fails, none is done.
    pub async fn commit(&self, operations: &[Operation]) -> Result<Committed, StoreError> {
        self.commit_next(|| operations).await
    }

    /// The same with what `next` gives once nobody else writes: where others do, that may take a while, and more
    /// has come by then. If it is not asked, nothing can be written.
    pub async fn commit_next<'a>(
        &self,
        next: impl FnOnce() -> &'a [Operation],
    ) -> Result<Committed, StoreError> {
        on_writer!(self, writer => write::commit(writer, next, &self.clock, &self.past))
    }

    /// Notes how far the log has come at this time, every few minutes; not if the clock is behind the last
    /// note. If that is `sure` to have been made by a clock that was ahead, it is forgotten, and whatever
    /// is dated later than now counts as dated now.
    pub async fn keep_time(&self, sure: bool) -> Result<Keeping, StoreError> {
        let now = self.clock.now();
        on_writer!(self, writer => retention::keep_time(writer, now, sure))
    }

    /// Removes at most `limit` events that are older than this, as far as that has been noted; returns
    /// how many.
    pub async fn prune(&self, age: Duration, limit: u32) -> Result<u64, StoreError> {
        let before = self.clock.now().before(age);
        on_writer!(self, writer => retention::prune(writer, before, limit))
    }

    /// Finds out whether writing works, by writing what nobody reads.
    pub async fn probe(&self) -> Result<(), StoreError> {
        on_writer!(self, writer => self.engine.probe(writer))
    }

    /// Looks how far the log goes, where others may write to it; fails if the database is not there.
    pub async fn watch(&self) -> Result<Option<EventId>, StoreError> {
        if !self.is_shared() {
            return Ok(None);
        }
        let head = on_writer!(self, writer => read::log::floor_and_head(writer))?.1;
        self.past.note(head);
        Ok(Some(head))
    }

    /// Cuts back what has been written beside the data, if it has grown. Called once a second, between
    /// two commits. Returns whether nothing is left to do; who holds up what is left may do so for a
    /// while.
    pub async fn tidy(&self) -> Result<bool, StoreError> {
        self.engine.tidy(&self.pools).await
    }

    /// Lets go of memory that it keeps from what it has done, as far as nobody uses it. Called now and
    /// then, between two commits.
    pub async fn let_go(&self) -> Result<(), StoreError> {
        self.engine.let_go(&self.pools).await
    }

    /// Whether others may serve the same database.
    pub const fn is_shared(&self) -> bool {
        matches!(self.engine, Engine::Postgres)
    }

    /// The last id of the event log.
    pub async fn head(&self) -> Result<EventId, StoreError> {
        Ok(read::log::floor_and_head(&mut self.pools.readers.connection().await?).await?.1)
    }

    /// What is known of those with these names who come to streams of these rooms, in one read.
    pub async fn arrivals(
        &self,
        names: &[&Username],
        rooms: &BTreeSet<&str>,
    ) -> Result<Arrivals, StoreError> {
        read::people::arrivals(&self.pools.identifiers, names, rooms).await
    }

    /// The account with this key.
    pub async fn account(&self, key: &str) -> Result<Option<Account>, StoreError> {
        rows::account(&mut self.pools.identifiers.connection().await?, key).await
    }

    /// Whether somebody else's name that is protected looks like that of the user with this key, in one of
    /// these spellings.
    pub async fn is_lookalike(&self, key: &str, spellings: &[&str]) -> Result<bool, StoreError> {
        let names: Vec<_> = spellings.iter().map(|name| (key, *name)).collect();
        let found = looks::alike(&mut self.pools.identifiers.connection().await?, &names).await?;
        Ok(!found.is_empty())
    }

    /// People whose name or display name has `part` in it, folded like a
    /// name's key; those whose name begins with it first. Deactivated ones are left out. Only
    /// those that follow the name with the key `after`, at most `limit`.
    pub async fn find_users(
        &self,
        part: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Account>, StoreError> {
        read::people::find_users(&mut self.pools.readers.connection().await?, part, after, limit)
            .await
    }

    /// Whether all of these are public rooms.
    pub async fn are_rooms(&self, ids: &[String]) -> Result<bool, StoreError> {
        read::people::are_rooms(&mut self.pools.readers.connection().await?, ids).await
    }

    /// One message, for the user with this key.
    pub async fn message(&self, asker: Option<&str>, id: EventId) -> Allowed<Message> {
        read::message(&self.pools.readers, asker, id).await
    }

    /// A part of a conversation of at most `limit` messages, for the user with this key.
    pub async fn page(
        &self,
        asker: Option<&str>,
        conversation_id: &str,
        window: Window,
        limit: u32,
    ) -> Allowed<Page> {
        read::page(&self.pools.readers, asker, conversation_id, window, limit).await
    }

    /// Messages that have not reached the user with this key, in all their private conversations,
    /// oldest first, after an id, at most `limit`.
    pub async fn undelivered(
        &self,
        key: &str,
        after: EventId,
        limit: u32,
    ) -> Result<Vec<Message>, StoreError> {
        delivery::undelivered(&self.pools.readers, key, after, limit).await
    }

    /// Markers that have moved since a cursor, of all members of the user's private conversations
    /// and of the user themself; at most `limit`.
    pub async fn receipts_after(
        &self,
        key: &str,
        after: EventId,
        limit: u32,
    ) -> Result<Vec<Receipt>, StoreError> {
        delivery::receipts_after(&self.pools.readers, key, after, limit).await
    }

    /// Markers that have moved within some seconds of the one that moved last, at most `limit`.
    pub async fn last_receipts(
        &self,
        seconds: u32,
        limit: u32,
    ) -> Result<Vec<Receipt>, StoreError> {
        delivery::last_receipts(&self.pools.readers, seconds, limit).await
    }

    /// The events after a cursor that the log holds, at most `limit` and one page; who sees less than
    /// the head reads on.
    pub async fn events_after(
        &self,
        after: EventId,
        limit: u32,
    ) -> Result<Result<LogPage, NoCursor>, StoreError> {
        read::log::events_after(&self.pools.readers, after, limit).await
    }

    /// The events after a cursor that somebody may see, at most `limit` and one page. It says how far it
    /// looked; who wants more reads on from there.
    pub async fn events_for(
        &self,
        after: EventId,
        viewer: Viewer<'_>,
        limit: u32,
    ) -> Result<Result<LogPage, NoCursor>, StoreError> {
        read::viewer::events_for(&self.pools.readers, after, viewer, limit).await
    }

    /// The first page, of at most `limit` events, of the last `tail` events, of fewer if those are large.
    pub async fn events_tail(&self, tail: u32, limit: u32) -> Result<LogPage, StoreError> {
        read::log::events_tail(&self.pools.readers, tail, limit).await
    }

    /// Releases the database; a server that does not answer is not waited for.
    pub async fn close(&self) {
        tokio::time::timeout(CLOSE, self.pools.close()).await.ok();
    }
}
