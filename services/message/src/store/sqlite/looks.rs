//! Which names look like protected ones: written down when a name is, so that a post costs no more for it.

use std::collections::HashSet;

use sqlx::SqliteConnection;

use crate::{
    chat::{look::looks, username::Username},
    store::StoreError,
};

/// Those of these names, by their keys, that look like a protected one of somebody else.
pub(super) async fn among(
    connection: &mut SqliteConnection,
    names: &[&Username],
) -> Result<HashSet<String>, StoreError> {
    if names.is_empty() {
        return Ok(HashSet::new());
    }
    let looks: Vec<_> = names
        .iter()
        .flat_map(|name| looks(name.as_str()).into_iter().map(|look| (look, name.key())))
        .collect();
    let found: Vec<(String,)> = sqlx::query_as(
        "select asked.value ->> 1 from json_each($1) as asked \
         cross join looks on looks.look = asked.value ->> 0 and user_key <> asked.value ->> 1 \
         cross join users on users.key = user_key where password_hash is not null or vouched",
    )
    .bind(serde_json::to_string(&looks)?)
    .fetch_all(connection)
    .await?;
    Ok(found.into_iter().map(|(key,)| key).collect())
}

/// Writes down what these names look like, which are known by key and name from now on, and which of them
/// look like a protected one.
pub(super) async fn add(
    tx: &mut SqliteConnection,
    names: &[(&str, &str)],
) -> Result<(), StoreError> {
    let looks =
        names.iter().flat_map(|(key, name)| looks(name).into_iter().map(move |it| (it, key)));
    let looks = serde_json::to_string(&looks.collect::<Vec<_>>())?;
    sqlx::query(
        "insert or ignore into looks (look, user_key) \
         select value ->> 0, value ->> 1 from json_each($1)",
    )
    .bind(&looks)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "update users set lookalike = 1 where password_hash is null and not vouched and key in ( \
         select asked.value ->> 1 from json_each($1) as asked \
         cross join looks on look = asked.value ->> 0 and user_key <> asked.value ->> 1 \
         cross join users as others on others.key = user_key \
         where others.password_hash is not null or others.vouched)",
    )
    .bind(&looks)
    .execute(tx)
    .await?;
    Ok(())
}

/// From now on nobody uses a name that looks like this one, unless they have shown that it is theirs.
pub(super) async fn protect(
    tx: &mut SqliteConnection,
    key: &str,
    name: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "update users set lookalike = 1 where password_hash is null and not vouched and key in ( \
         select user_key from json_each($1) as asked cross join looks on look = asked.value \
         where user_key <> $2)",
    )
    .bind(serde_json::to_string(&looks(name))?)
    .bind(key)
    .execute(tx)
    .await?;
    Ok(())
}
