//! Connections to the database file, for each kind of work.

use std::{path::Path, str::FromStr};

use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{rewrite, wal};
use crate::{
    config::Durability,
    store::{
        StoreError,
        database::{Connection, IDENTIFIERS, Pool, Pools, READERS, values},
    },
};

/// Rows on their way from SQLite's thread: as many as a page of the log for one who catches up has, which so
/// wakes the other side once. More would be read ahead of the bounds of larger pages.
const ROWS_UNDER_WAY: usize = 256;

/// Pages that a connection for reading keeps, in KiB: what one read looks at again. All are void when another
/// connection has written, which is all the time.
const READ_CACHE: u32 = 512;

/// Versions before this one can corrupt a WAL when a write races a checkpoint.
const MIN_VERSION: (u32, u32, u32) = (3, 51, 3);

/// Opens the file, makes it if there is none, and brings its schema up to date before anybody reads it.
pub(in crate::store) async fn open(
    path: &Path,
    durability: Durability,
) -> Result<Pools, StoreError> {
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
    sqlx::migrate!("migrations/sqlite").run(&writer).await?;
    rewrite::run(&mut writer.acquire().await?.into()).await?;
    let options = options.read_only(true).pragma("cache_size", format!("-{READ_CACHE}"));
    let readers = pool(READERS).connect_with(options.clone()).await?;
    let identifiers = pool(IDENTIFIERS).connect_with(options).await?;
    let [writer, readers, identifiers] = [writer, readers, identifiers].map(Pool::Sqlite);
    Ok(Pools { writer, readers, identifiers })
}

/// Finds out whether writing works.
pub(in crate::store) async fn probe(connection: &mut Connection<'_>) -> Result<(), StoreError> {
    // Takes the room of the largest post: on a full disk, less would succeed where posts fail.
    for statement in [
        "drop table if exists probe",
        "create table probe (bytes blob) strict",
        "insert into probe (bytes) values (zeroblob(262144))",
        "drop table probe",
    ] {
        connection.execute(statement, values![]).await?;
    }
    Ok(())
}

/// Has those connections that nobody uses let go of pages that they have read: the file is in the memory of
/// the system anyway, which knows better who needs it.
pub(in crate::store) async fn let_go(pool: &SqlitePool) -> Result<(), StoreError> {
    // The one that has waited the longest comes first, and goes to the end.
    for _ in 0..pool.size() {
        let Some(mut connection) = pool.try_acquire() else {
            break;
        };
        sqlx::query("pragma shrink_memory").execute(&mut *connection).await?;
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of pages that a connection keeps.
    #[expect(unsafe_code, reason = "nothing wraps it")]
    async fn kept(connection: &mut sqlx::SqliteConnection) -> i32 {
        let mut handle = connection.lock_handle().await.unwrap();
        let (mut now, mut most) = (0, 0);
        // SAFETY: nobody else uses the connection meanwhile, and both numbers are there to be written to.
        unsafe {
            libsqlite3_sys::sqlite3_db_status(
                handle.as_raw_handle().as_ptr().cast(),
                libsqlite3_sys::SQLITE_DBSTATUS_CACHE_USED,
                &mut now,
                &mut most,
                0,
            );
        }
        now
    }

    #[tokio::test]
    async fn what_was_read_once_is_let_go_of_by_all_that_are_idle() {
        const PAGES: i32 = 100 * 4_096;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("realtalk.db");
        let pools = open(&path, Durability::Full).await.unwrap();
        let fill = "create table filling as with recursive numbers(n) as (select 1 union all select n + 1 \
                    from numbers where n < 200) select randomblob(4000) as bytes from numbers";
        sqlx::query(fill).execute(pools.writer.sqlite()).await.unwrap();
        assert!(kept(&mut pools.writer.sqlite().acquire().await.unwrap()).await > PAGES);
        let mut readers = Vec::new();
        for _ in 0..READERS {
            let mut reader = pools.readers.sqlite().acquire().await.unwrap();
            let sum = "select sum(length(bytes)) from filling";
            let (read,): (i64,) = sqlx::query_as(sum).fetch_one(&mut *reader).await.unwrap();
            assert_eq!(read, 200 * 4_000);
            assert!(kept(&mut reader).await > PAGES);
            readers.push(reader);
        }
        // One is in use, and not waited for.
        let mut in_use = readers.pop().unwrap();
        for mut reader in readers {
            reader.return_to_pool().await;
        }
        for pool in [pools.readers.sqlite(), pools.writer.sqlite()] {
            let_go(pool).await.unwrap();
        }
        assert!(kept(&mut in_use).await > PAGES);
        // All at once, so that each is another one.
        let mut readers = Vec::new();
        for _ in 1..READERS {
            readers.push(pools.readers.sqlite().acquire().await.unwrap());
        }
        for reader in &mut readers {
            assert!(kept(reader).await < PAGES / 4);
        }
        assert!(kept(&mut pools.writer.sqlite().acquire().await.unwrap()).await < PAGES / 4);
    }
}
