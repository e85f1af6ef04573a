//! Reads about people, and about where they may go.

use std::collections::BTreeSet;

use sqlx::SqliteConnection;

use super::rows;
use crate::{chat::user::Account, store::StoreError};

/// People by a part of their names.
///
/// Looks at every user: some 80 ms for 100,000 of them, which is where an index of parts of words
/// would begin to pay.
pub(in crate::store::sqlite) async fn find_users(
    connection: &mut SqliteConnection,
    part: &str,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<Account>, StoreError> {
    let condition = "where deactivated_at is null and \
         (instr(key, $1 ->> 0) > 0 or instr(coalesce(display_key, lower(display_name)), $1 ->> 0) > 0) \
         and ($1 ->> 2 is null or (instr(key, $1 ->> 0) <> 1, key) \
         > (instr($1 ->> 2, $1 ->> 0) <> 1, $1 ->> 2)) \
         order by instr(key, $1 ->> 0) <> 1, key limit $1 ->> 1";
    rows::accounts(connection, condition, &serde_json::to_string(&(part, limit, after))?).await
}

/// Whether all of these are public rooms.
pub(in crate::store::sqlite) async fn are_rooms(
    connection: &mut SqliteConnection,
    ids: &[String],
) -> Result<bool, StoreError> {
    let ids: BTreeSet<_> = ids.iter().collect();
    let (found,): (i64,) = sqlx::query_as(
        "select count(*) from conversations \
         where kind = 'room' and id in (select value from json_each($1))",
    )
    .bind(serde_json::to_string(&ids)?)
    .fetch_one(connection)
    .await?;
    Ok(found as usize == ids.len())
}
