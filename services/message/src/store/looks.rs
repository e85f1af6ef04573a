//! What protected names look like, and which names look like one.

use std::collections::HashSet;

use super::{
    StoreError,
    database::{Connection, values},
};
use crate::chat::look::looks;

/// The keys of those of these names, by key and name, that look like a protected one of somebody else. A
/// user may be among them in several spellings: as they are shown, and as they call themselves.
pub(super) async fn alike(
    connection: &mut Connection<'_>,
    names: &[(&str, &str)],
) -> Result<HashSet<String>, StoreError> {
    if names.is_empty() || !is_any_protected(connection).await? {
        return Ok(HashSet::new());
    }
    let found: Vec<(String,)> = connection
        .all(
            "select asked.value ->> 1 from json_each($1) as asked cross join protected_looks \
         on look = asked.value ->> 0 and user_key <> asked.value ->> 1",
            values![&looks_of(names)?],
        )
        .await?;
    Ok(found.into_iter().map(|(key,)| key).collect())
}

/// Where nobody has protected a name, no post costs anything for it.
async fn is_any_protected(connection: &mut Connection<'_>) -> Result<bool, StoreError> {
    let (is_any,): (bool,) =
        connection.one("select exists (select 1 from protected_looks)", values![]).await?;
    Ok(is_any)
}

/// From now on nobody uses names that look like these, by key and name, unless they show that they are
/// theirs.
pub(super) async fn protect(
    tx: &mut Connection<'_>,
    names: &[(&str, &str)],
) -> Result<(), StoreError> {
    tx.execute(
        "insert into protected_looks (look, user_key) select value ->> 0, value ->> 1 \
         from json_each($1) as new where true on conflict do nothing",
        values![&looks_of(names)?],
    )
    .await?;
    Ok(())
}

/// Names that look like this user's can be used again.
pub(super) async fn free(tx: &mut Connection<'_>, key: &str) -> Result<(), StoreError> {
    tx.execute("delete from protected_looks where user_key = $1", values![key]).await?;
    Ok(())
}

fn looks_of(names: &[(&str, &str)]) -> Result<String, StoreError> {
    let looks =
        names.iter().flat_map(|(key, name)| looks(name).into_iter().map(move |it| (it, key)));
    Ok(serde_json::to_string(&looks.collect::<Vec<_>>())?)
}
