//! Rows of members: of who comes, of a conversation that is made, of a new user.

use common::Moment;
use sqlx::SqliteConnection;

use crate::{
    chat::{conversation::Place, member::Role},
    store::{StoreError, sqlite::since_1970},
};

/// The most members of a group: each event names them all.
pub(super) const MAX_MEMBERS: usize = 1_000;

/// Adds a row each. What was said before counts as read and delivered.
pub(super) async fn insert_all(
    tx: &mut SqliteConnection,
    at: Moment,
    place: &Place,
    members: &[(&str, Role)],
) -> Result<(), StoreError> {
    let members: Vec<_> = members.iter().map(|(key, role)| (key, role.as_str())).collect();
    sqlx::query(
        "insert into members (conversation_id, user_key, role, joined_at, joined_seq, read_seq, \
         delivered_seq) \
         select conversations.id, new.value ->> 0, new.value ->> 1, $3, last_seq, last_seq, last_seq \
         from json_each($2) as new cross join conversations where conversations.id = $1",
    )
    .bind(&place.id)
    .bind(serde_json::to_string(&members)?)
    .bind(since_1970(at))
    .execute(tx)
    .await?;
    Ok(())
}

/// Adds one row.
pub(super) async fn insert(
    tx: &mut SqliteConnection,
    at: Moment,
    place: &Place,
    key: &str,
    role: Role,
) -> Result<(), StoreError> {
    insert_all(tx, at, place, &[(key, role)]).await
}
