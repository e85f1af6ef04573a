//! What protected names look like, and which names look like one.

use std::collections::HashSet;

use sqlx::SqliteConnection;

use crate::{chat::look::looks, store::StoreError};

/// The keys of those of these names, by key and name, that look like a protected one of somebody else. A
/// user may be among them in several spellings: as they are shown, and as they call themselves.
pub(super) async fn alike(
    connection: &mut SqliteConnection,
    names: &[(&str, &str)],
) -> Result<HashSet<String>, StoreError> {
    if names.is_empty() || !is_any_protected(connection).await? {
        return Ok(HashSet::new());
    }
    let found: Vec<(String,)> = sqlx::query_as(
        "select asked.value ->> 1 from json_each($1) as asked cross join protected_looks \
         on look = asked.value ->> 0 and user_key <> asked.value ->> 1",
    )
    .bind(looks_of(names)?)
    .fetch_all(connection)
    .await?;
    Ok(found.into_iter().map(|(key,)| key).collect())
}

/// Where nobody has protected a name, no post costs anything for it.
async fn is_any_protected(connection: &mut SqliteConnection) -> Result<bool, StoreError> {
    let (is_any,): (bool,) = sqlx::query_as("select exists (select 1 from protected_looks)")
        .fetch_one(connection)
        .await?;
    Ok(is_any)
}

/// From now on nobody uses names that look like these, by key and name, unless they show that they are
/// theirs.
pub(super) async fn protect(
    tx: &mut SqliteConnection,
    names: &[(&str, &str)],
) -> Result<(), StoreError> {
    sqlx::query(
        "insert or ignore into protected_looks (look, user_key) \
         select value ->> 0, value ->> 1 from json_each($1)",
    )
    .bind(looks_of(names)?)
    .execute(tx)
    .await?;
    Ok(())
}

/// Names that look like this user's can be used again.
pub(super) async fn free(tx: &mut SqliteConnection, key: &str) -> Result<(), StoreError> {
    sqlx::query("delete from protected_looks where user_key = $1").bind(key).execute(tx).await?;
    Ok(())
}

fn looks_of(names: &[(&str, &str)]) -> Result<String, StoreError> {
    let looks =
        names.iter().flat_map(|(key, name)| looks(name).into_iter().map(move |it| (it, key)));
    Ok(serde_json::to_string(&looks.collect::<Vec<_>>())?)
}
