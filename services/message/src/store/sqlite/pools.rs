//! [`Pools`]: connections to the database file, for each kind of work.

use std::{path::Path, str::FromStr};

use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{READS_AT_ONCE, rewrite, wal};
use crate::{config::Durability, store::StoreError};

/// Connections for reading: some are left when people take all of theirs, for the other service.
const READERS: u32 = READS_AT_ONCE as u32 + 2;

/// Connections for finding out who people are, which everything waits for.
const IDENTIFIERS: u32 = 2;

/// Rows on their way from SQLite's thread: as many as a page of the log for one who catches up has, which so
/// wakes the other side once. More would be read ahead of the bounds of larger pages.
const ROWS_UNDER_WAY: usize = 256;

/// Pages that a connection for reading keeps, in KiB: what one read looks at again. All are void when another
/// connection has written, which is all the time.
const READ_CACHE: u32 = 512;

/// Versions before this one can corrupt a WAL when a write races a checkpoint.
const MIN_VERSION: (u32, u32, u32) = (3, 51, 3);

/// What reads and writes the database.
pub(super) struct Pools {
    pub(super) writer: SqlitePool,
    pub(super) readers: SqlitePool,
    pub(super) identifiers: SqlitePool,
}

impl Pools {
    /// Opens the file, makes it if there is none, and brings its schema up to date before anybody reads it.
    pub(super) async fn open(path: &Path, durability: Durability) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(match durability {
                Durability::Full => SqliteSynchronous::Full,
                Durability::Relaxed => SqliteSynchronous::Normal,
            })
            .pragma("journal_size_limit", wal::LIMIT.to_string())
            .row_buffer_size(ROWS_UNDER_WAY)
            .foreign_keys(true);
        let pool = |connections| {
            // Connections live as long as the process: nothing to test, nothing to recycle.
            SqlitePoolOptions::new()
                .max_connections(connections)
                .min_connections(connections)
                .test_before_acquire(false)
                .idle_timeout(None)
                .max_lifetime(None)
        };
        let writer = pool(1).connect_with(options.clone()).await?;
        let (version,): (String,) =
            sqlx::query_as("select sqlite_version()").fetch_one(&writer).await?;
        check_version(&version)?;
        sqlx::migrate!("migrations/sqlite")
            .run(&writer)
            .await
            .map_err(|error| sqlx::Error::Migrate(Box::new(error)))?;
        rewrite::run(&mut *writer.acquire().await?).await?;
        let options = options.read_only(true).pragma("cache_size", format!("-{READ_CACHE}"));
        let readers = pool(READERS).connect_with(options.clone()).await?;
        let identifiers = pool(IDENTIFIERS).connect_with(options).await?;
        Ok(Self { writer, readers, identifiers })
    }
}

fn check_version(text: &str) -> Result<(), StoreError> {
    let mut parts = text.split('.').map(|part| u32::from_str(part).unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    if (next(), next(), next()) >= MIN_VERSION {
        return Ok(());
    }
    let needed = format!("SQLite {text} is too old: at least 3.51.3 is needed");
    Err(StoreError::Database(sqlx::Error::Configuration(needed.into())))
}
