//! The ends of sessions.

use common::{Audience, Moment, event::SESSION};

use crate::{
    chat::event,
    store::{
        StoreError,
        database::{Connection, since_1970, values},
        journal::Journal,
    },
};

/// Ends all sessions that began before now.
pub(super) async fn end_since(
    tx: &mut Connection<'_>,
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
    tx: &mut Connection<'_>,
    journal: &mut Journal,
    key: &str,
    reason: &str,
    signed_out_at: Option<Moment>,
) -> Result<(), StoreError> {
    let (epoch,): (i64,) = tx
        .one(
            "update users set epoch = epoch + 1, signed_out_at = coalesce($2, signed_out_at) \
         where key = $1 returning epoch",
            values![key, signed_out_at.map(since_1970)],
        )
        .await?;
    journal.record(SESSION, Audience::Users(Vec::new()), |id| {
        event::session(id, key, epoch as u64, reason)
    })?;
    Ok(())
}
