//! Rows of members: of who comes, of a conversation that is made, of a new user.

use common::Moment;

use crate::{
    chat::{conversation::Place, member::Role},
    store::{
        StoreError,
        database::{Connection, since_1970, values},
    },
};

/// The most members of a group: each event names them all.
pub(super) const MAX_MEMBERS: usize = 1_000;

/// Adds a row each. What was said before counts as read and delivered.
pub(super) async fn insert_all(
    tx: &mut Connection<'_>,
    at: Moment,
    place: &Place,
    members: &[(&str, Role)],
) -> Result<(), StoreError> {
    let members: Vec<_> = members.iter().map(|(key, role)| (key, role.as_str())).collect();
    tx.execute(
        "insert into members \
         (conversation_id, user_key, role, joined_at, joined_seq, read_seq, delivered_seq) \
         select conversations.id, new.value ->> 0, new.value ->> 1, $3, \
           last_seq, last_seq, last_seq \
         from json_each($1) as new cross join conversations on conversations.id = $2",
        values![&serde_json::to_string(&members)?, &place.id, since_1970(at)],
    )
    .await?;
    Ok(())
}

/// Adds one row.
pub(super) async fn insert(
    tx: &mut Connection<'_>,
    at: Moment,
    place: &Place,
    key: &str,
    role: Role,
) -> Result<(), StoreError> {
    insert_all(tx, at, place, &[(key, role)]).await
}
