//! Events of a version before sets of users, which name everybody themselves.

use std::sync::Arc;

use common::{Audience, audience::Sets};
use futures_util::TryStreamExt;

use crate::store::{
    StoreError, audiences,
    database::{Connection, id, values},
};

/// Events rewritten in one transaction, and about how many bytes of names.
const CHUNK: i64 = 1_000;
const CHUNK_BYTES: usize = 4 * 1024 * 1024;

/// Has old events refer to sets, which name everybody themselves since before there were any.
pub(super) async fn run(connection: &mut Connection<'_>) -> Result<(), StoreError> {
    let (mut at, until): (i64, i64) =
        connection.one("select max(floor, inline_after), inline_until from log", values![]).await?;
    let mut rewritten = 0;
    while at < until {
        let mut tx = connection.begin().await?;
        let rows = named(&mut tx, at, until).await?;
        // None left: the rest refers already, or never named many.
        at = rows.last().map_or(until, |(event, _)| *event);
        rewritten += rows.len();
        for (event, audience) in rows {
            let mut sets = Sets::default();
            let reference = sets.refer(&audience);
            audiences::store(&mut tx, &sets, id(event)).await?;
            tx.execute(
                "update events set audience = $2 where id = $1",
                values![event, &serde_json::to_string(&reference)?],
            )
            .await?;
        }
        tx.execute("update log set inline_after = $1", values![at]).await?;
        tx.commit().await?;
        if rewritten > 0 {
            tracing::info!(up_to = %id(at), rewritten, "rewriting the log of an earlier version");
        }
    }
    Ok(())
}

/// The next events that name many themselves, as many as are worth a transaction.
async fn named(
    tx: &mut Connection<'_>,
    after: i64,
    until: i64,
) -> Result<Vec<(i64, Arc<Audience>)>, StoreError> {
    let mut rows = tx.stream::<(i64, String)>(
        "select id, audience from events where id > $1 and id <= $2 \
         and json_array_length(audience, '$.users') > 2 order by id limit $3",
        values![after, until, CHUNK],
    );
    let (mut named, mut bytes) = (Vec::new(), 0);
    while let Some((event, audience)) = rows.try_next().await? {
        bytes += audience.len();
        named.push((event, serde_json::from_str(&audience)?));
        if bytes > CHUNK_BYTES {
            break;
        }
    }
    Ok(named)
}
