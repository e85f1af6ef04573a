//! The ends of sessions.

use common::{Audience, Moment, event::SESSION};
use sqlx::SqliteConnection;

use crate::{
    chat::event,
    store::{StoreError, journal::Journal, sqlite::since_1970},
};

/// Ends all sessions that began before now.
pub(super) async fn end_since(
    tx: &mut SqliteConnection,
    journal: &mut Journal,
    key: &str,
    reason: &str,
) -> Result<(), StoreError> {
    let now = journal.now();
    begin_epoch(tx, journal, key, reason, Some(now)).await
}

/// Begins a new epoch: tokens of earlier ones are void, and their streams end. So are tokens
/// without an epoch that were issued before `signed_out_at`.
pub(super) async fn begin_epoch(
    tx: &mut SqliteConnection,
    journal: &mut Journal,
    key: &str,
    reason: &str,
    signed_out_at: Option<Moment>,
) -> Result<(), StoreError> {
    let (epoch,): (i64,) = sqlx::query_as(
        "update users set epoch = epoch + 1, signed_out_at = coalesce($2, signed_out_at) \
         where key = $1 returning epoch",
    )
    .bind(key)
    .bind(signed_out_at.map(since_1970))
    .fetch_one(tx)
    .await?;
    journal.record(SESSION, Audience::Users(Vec::new()), |id| {
        event::session(id, key, epoch as u64, reason)
    })?;
    Ok(())
}
