//! The write-ahead log of SQLite, which must not grow for ever.

use std::{fs, path::Path};

use sqlx::SqlitePool;

use crate::store::StoreError;

/// One that has grown beyond this many bytes is cut back.
pub(in crate::store) const LIMIT: u64 = 64 * 1024 * 1024;

/// How long a commit may have to wait for that, in milliseconds: as long as the reads last that are
/// under way, which are short.
const PATIENCE: i64 = 250;

/// Has the log of the database at `path` begin anew, if it has grown beyond `limit` bytes; returns
/// whether nothing is left to do.
///
/// It does so by itself only when nobody reads it; as long as reads overlap there is always somebody.
/// A checkpoint that holds up the writer lets those who read end, while whoever comes reads the
/// database itself.
pub(in crate::store) async fn cut_back(
    writer: &SqlitePool,
    path: &Path,
    limit: u64,
) -> Result<bool, StoreError> {
    // It lies beside the file itself, wherever a link to that stands.
    let mut log = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()).into_os_string();
    log.push("-wal");
    if fs::metadata(log).map_or(0, |log| log.len()) <= limit {
        return Ok(true);
    }
    let mut writer = writer.acquire().await?;
    let (patience,): (i64,) = sqlx::query_as("pragma busy_timeout").fetch_one(&mut *writer).await?;
    let wait = |millis: i64| sqlx::AssertSqlSafe(format!("pragma busy_timeout = {millis}"));
    sqlx::query(wait(PATIENCE)).execute(&mut *writer).await?;
    let outcome: Result<(i64, i64, i64), _> =
        sqlx::query_as("pragma wal_checkpoint(restart)").fetch_one(&mut *writer).await;
    sqlx::query(wait(patience)).execute(&mut *writer).await?;
    let (is_busy, ..) = outcome?;
    Ok(is_busy == 0)
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use tokio_util::task::AbortOnDropHandle;

    use common::Clock;

    use super::*;
    use crate::{
        chat::{
            change::Operation,
            post::{Claim, Post, Sender, Target},
            username::Username,
        },
        config::{Database, Durability},
        store::Store,
    };

    /// Reads that overlap, so that there is always one under way.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_write_ahead_log_is_cut_back_while_reads_overlap() {
        const MIB: u64 = 1024 * 1024;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("realtalk.db");
        let store = Arc::new(
            Store::open(&Database::File(path.clone()), Durability::Relaxed, Clock::default())
                .await
                .unwrap(),
        );
        let reads: Vec<_> = (0..3)
            .map(|_| {
                let store = store.clone();
                AbortOnDropHandle::new(tokio::spawn(async move {
                    loop {
                        let mut tx = store.pools.readers.sqlite().begin().await.unwrap();
                        let count = "select count(*) from messages";
                        sqlx::query_scalar::<_, i64>(count).fetch_one(&mut *tx).await.unwrap();
                        tokio::time::sleep(Duration::from_millis(rand::random_range(5..15))).await;
                    }
                }))
            })
            .collect();
        let long = "🦀".repeat(4_000);
        let posts: Vec<_> = (0..128)
            .map(|_| {
                Operation::Post(Post {
                    sender: Sender { name: Username::parse("al").unwrap(), claim: Claim::Said },
                    target: Target::Conversation("public".to_owned()),
                    content: long.clone(),
                    reply_to: None,
                    client_msg_id: None,
                    origin: None,
                })
            })
            .collect();
        let (limit, mut largest) = (4 * MIB, 0);
        // Ten times what is kept.
        for _ in 0..12 {
            store.commit(&posts).await.unwrap();
            largest =
                largest.max(fs::metadata(folder.path().join("realtalk.db-wal")).unwrap().len());
            // On a slow machine a read may last longer than a commit waits; the next second tries again.
            for _ in 0..20 {
                cut_back(store.pools.writer.sqlite(), &path, limit).await.unwrap();
            }
        }
        drop(reads);
        assert!(largest > limit, "{} MiB: it did not come to that", largest / MIB);
        assert!(largest < 4 * limit, "{} MiB", largest / MIB);
    }
}
