//! [`SqliteStore`]: the embedded database.
//!
//! One connection writes, others read beside it (WAL). A commit with `synchronous=FULL` is on the
//! disk when it returns; batches make that affordable.

mod audiences;
mod conversations;
mod delivery;
mod file;
mod looks;
mod pools;
mod read;
mod retention;
mod rewrite;
mod rows;
mod wal;
mod write;

use std::{collections::BTreeSet, path::Path, sync::atomic::AtomicBool, time::Duration};

use async_trait::async_trait;
use common::{Clock, EventId, Moment, event::LogPage};
use sqlx::{Sqlite, SqlitePool, pool::PoolConnection};

pub use file::{DatabaseFile, FileError};
use pools::Pools;

use super::{
    Allowed, Arrivals, Committed, Keeping, NoCursor, Page, Store, StoreError, Viewer, Window,
};
use crate::{
    chat::{
        change::{Operation, Receipt},
        message::Message,
        user::Account,
        username::Username,
    },
    config::Durability,
};

/// Reads of people at the same time. SQLite answers from memory mostly; more would only wait for a core.
pub const READS_AT_ONCE: usize = 4;

/// RealTalk's data in one file.
pub struct SqliteStore {
    writer: SqlitePool,
    readers: SqlitePool,
    identifiers: SqlitePool,
    clock: Clock,
    /// Whether this process has handed out an id.
    has_begun: AtomicBool,
    // Let go of after the connections.
    file: DatabaseFile,
}

impl SqliteStore {
    /// Opens the database file, makes it if there is none, and brings its schema up to date. One
    /// process at a time serves it.
    pub async fn open(
        path: &Path,
        durability: Durability,
        clock: Clock,
    ) -> Result<Self, StoreError> {
        let file = DatabaseFile::take(path)?;
        let Pools { writer, readers, identifiers } = Pools::open(file.path(), durability).await?;
        Ok(Self { writer, readers, identifiers, clock, has_begun: AtomicBool::new(false), file })
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn commit(&self, operations: &[Operation]) -> Result<Committed, StoreError> {
        let mut connection = self.writer.acquire().await?;
        let now = self.clock.now();
        let result = write::commit(&mut connection, operations, now, &self.has_begun).await;
        close_if_failed(connection, &result).await;
        result
    }

    async fn keep_time(&self, sure: bool) -> Result<Keeping, StoreError> {
        let mut connection = self.writer.acquire().await?;
        let result = retention::keep_time(&mut connection, self.clock.now(), sure).await;
        close_if_failed(connection, &result).await;
        result
    }

    async fn prune(&self, age: Duration, limit: u32) -> Result<u64, StoreError> {
        let mut connection = self.writer.acquire().await?;
        let before = self.clock.now().before(age);
        let result = retention::prune(&mut connection, before, limit).await;
        close_if_failed(connection, &result).await;
        result
    }

    async fn probe(&self) -> Result<(), StoreError> {
        write::probe(&mut *self.writer.acquire().await?).await
    }

    async fn tidy(&self) -> Result<bool, StoreError> {
        wal::cut_back(&self.writer, self.file.path(), wal::LIMIT).await
    }

    async fn let_go(&self) -> Result<(), StoreError> {
        for pool in [&self.writer, &self.readers, &self.identifiers] {
            pools::let_go(pool).await?;
        }
        Ok(())
    }

    async fn head(&self) -> Result<EventId, StoreError> {
        Ok(read::log::floor_and_head(&self.readers).await?.1)
    }

    async fn arrivals(
        &self,
        names: &[&Username],
        rooms: &BTreeSet<&str>,
    ) -> Result<Arrivals, StoreError> {
        read::people::arrivals(&self.identifiers, names, rooms).await
    }

    async fn account(&self, key: &str) -> Result<Option<Account>, StoreError> {
        rows::account(&mut *self.identifiers.acquire().await?, key).await
    }

    async fn is_lookalike(&self, key: &str, spellings: &[&str]) -> Result<bool, StoreError> {
        let names: Vec<_> = spellings.iter().map(|name| (key, *name)).collect();
        let found = looks::alike(&mut *self.identifiers.acquire().await?, &names).await?;
        Ok(!found.is_empty())
    }

    async fn find_users(
        &self,
        part: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Account>, StoreError> {
        read::people::find_users(&mut *self.readers.acquire().await?, part, after, limit).await
    }

    async fn are_rooms(&self, ids: &[String]) -> Result<bool, StoreError> {
        read::people::are_rooms(&mut *self.readers.acquire().await?, ids).await
    }

    async fn message(&self, asker: Option<&str>, id: EventId) -> Allowed<Message> {
        read::message(&self.readers, asker, id).await
    }

    async fn page(
        &self,
        asker: Option<&str>,
        conversation_id: &str,
        window: Window,
        limit: u32,
    ) -> Allowed<Page> {
        read::page(&self.readers, asker, conversation_id, window, limit).await
    }

    async fn undelivered(
        &self,
        key: &str,
        after: EventId,
        limit: u32,
    ) -> Result<Vec<Message>, StoreError> {
        delivery::undelivered(&self.readers, key, after, limit).await
    }

    async fn receipts_after(
        &self,
        key: &str,
        after: EventId,
        limit: u32,
    ) -> Result<Vec<Receipt>, StoreError> {
        delivery::receipts_after(&self.readers, key, after, limit).await
    }

    async fn last_receipts(&self, seconds: u32, limit: u32) -> Result<Vec<Receipt>, StoreError> {
        delivery::last_receipts(&self.readers, seconds, limit).await
    }

    async fn events_after(
        &self,
        after: EventId,
        limit: u32,
    ) -> Result<Result<LogPage, NoCursor>, StoreError> {
        read::log::events_after(&self.readers, after, limit).await
    }

    async fn events_for(
        &self,
        after: EventId,
        viewer: Viewer<'_>,
        limit: u32,
    ) -> Result<Result<LogPage, NoCursor>, StoreError> {
        read::viewer::events_for(&self.readers, after, viewer, limit).await
    }

    async fn events_tail(&self, tail: u32, limit: u32) -> Result<LogPage, StoreError> {
        read::log::events_tail(&self.readers, tail, limit).await
    }

    async fn close(&self) {
        self.identifiers.close().await;
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Closes a connection on which a transaction failed; the pool opens another one.
///
/// SQLite may have ended the transaction by itself, as it does when the disk is full. sqlx does
/// not notice: its own rollback fails, and it would begin no further transaction there.
async fn close_if_failed<T>(connection: PoolConnection<Sqlite>, result: &Result<T, StoreError>) {
    if result.is_err() {
        connection.close().await.ok();
    }
}

/// Ids are stored by [`micros`] only, so every one of them is in range.
fn id(micros: i64) -> EventId {
    u64::try_from(micros).ok().and_then(EventId::from_micros).unwrap_or(EventId::ZERO)
}

fn micros(id: EventId) -> i64 {
    id.micros() as i64
}

/// Moments are stored by [`since_1970`] only.
fn moment(micros: i64) -> Moment {
    Moment::from_micros(u64::try_from(micros).unwrap_or(0))
}

fn since_1970(moment: Moment) -> i64 {
    i64::try_from(moment.micros()).unwrap_or(i64::MAX)
}

impl From<sqlx::Error> for StoreError {
    /// Tells a full disk, which an operator can mend, and a broken rule, which no database mends,
    /// from everything else.
    fn from(error: sqlx::Error) -> Self {
        const SQLITE_FULL: u32 = 13;
        const SQLITE_CONSTRAINT: u32 = 19;
        let code = error.as_database_error().and_then(|database| database.code());
        // The lowest byte is the primary code; what stands above says more.
        match code.and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff) {
            Some(SQLITE_FULL) => Self::Full(error),
            Some(SQLITE_CONSTRAINT) => Self::Rule(error),
            _ => Self::Database(error),
        }
    }
}
