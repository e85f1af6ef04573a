//! What has not reached a user yet, and which markers have moved meanwhile.

use std::sync::Arc;

use common::{Audience, EventId, internal::UserRef};
use sqlx::FromRow;

use super::{
    StoreError,
    database::{Pool, Sql, either, micros, values},
    rows,
};
use crate::chat::{change::Receipt, member::MOST_WATCHERS, message::Message};

/// Markers move a little before or after the event that a cursor names; telling one twice is
/// harmless, missing one is not. In microseconds.
const SLACK: i64 = 10_000_000;

#[derive(FromRow)]
struct ReceiptRow {
    conversation_id: String,
    user_key: String,
    name: String,
    read_seq: i64,
    delivered_seq: i64,
}

/// Messages of others, in private conversations, after the user's marker and this id.
pub(super) async fn undelivered(
    readers: &Pool,
    key: &str,
    after: EventId,
    limit: u32,
) -> Result<Vec<Message>, StoreError> {
    let mut tx = readers.snapshot().await?;
    let waiting = "from members as mine \
                   cross join conversations on conversations.id = mine.conversation_id \
                   and conversations.kind <> 'room' and last_seq > mine.delivered_seq \
                   cross join messages on messages.conversation_id = conversations.id \
                   and messages.seq > mine.delivered_seq \
                   where mine.user_key = $1 and sender_key <> $1 and deleted_at is null \
                   and messages.id > $2";
    let columns = rows::MESSAGE_COLUMNS;
    let statement = Sql::of(
        format!("select {columns} {waiting} order by messages.id limit $3"),
        // Else it may look for the first few among all messages there are.
        format!(
            "with messages as materialized (select messages.* {waiting}) \
             select {columns} from messages order by id limit $3"
        ),
    );
    let found = tx.all(statement, values![key, micros(after), limit]).await?;
    rows::complete(&mut tx, found).await
}

/// Those of others in private conversations, and the user's own in rooms.
const MOVED_AFTER: &str = "\
    select theirs.conversation_id, theirs.user_key, users.name, theirs.read_seq, \
      theirs.delivered_seq \
    from members as mine cross join conversations \
      on conversations.id = mine.conversation_id and conversations.kind <> 'room' \
    cross join members as theirs on theirs.conversation_id = mine.conversation_id \
    cross join users on users.key = theirs.user_key \
    where mine.user_key = $1 and theirs.marked_at > $2 \
    union all \
    select mine.conversation_id, mine.user_key, users.name, mine.read_seq, mine.delivered_seq \
    from members as mine cross join conversations \
      on conversations.id = mine.conversation_id and conversations.kind = 'room' \
    cross join users on users.key = mine.user_key \
    where mine.user_key = $1 and mine.marked_at > $2 limit $3";

/// Markers that have moved since a cursor.
pub(super) async fn receipts_after(
    readers: &Pool,
    key: &str,
    after: EventId,
    limit: u32,
) -> Result<Vec<Receipt>, StoreError> {
    let values = values![key, micros(after).saturating_sub(SLACK), limit];
    let rows: Vec<ReceiptRow> = readers.connection().await?.all(MOVED_AFTER, values).await?;
    Ok(rows
        .into_iter()
        .map(|row| Receipt {
            conversation_id: row.conversation_id,
            user: UserRef { name: row.name, key: row.user_key },
            read_seq: row.read_seq as u64,
            delivered_seq: row.delivered_seq as u64,
            audience: Arc::new(Audience::Users(vec![key.to_owned()])),
        })
        .collect())
}

const MOVED_LAST: Sql = either(
    "select moved.conversation_id, moved.user_key, users.name, moved.read_seq, \
     moved.delivered_seq, case when conversations.kind = 'room' or member_count > $3 \
     then json_array(moved.user_key) else ( \
       select json_group_array(user_key) from members \
       where members.conversation_id = moved.conversation_id) end \
     from members as moved \
     cross join conversations on conversations.id = moved.conversation_id \
     cross join users on users.key = moved.user_key \
     where moved.marked_at > (select max(marked_at) from members) - $1 \
     order by moved.marked_at desc limit $2",
    "select moved.conversation_id, moved.user_key, users.name, moved.read_seq, \
     moved.delivered_seq, case when conversations.kind = 'room' or member_count > $3 \
     then json_build_array(moved.user_key)::text else ( \
       select json_agg(user_key)::text from members \
       where members.conversation_id = moved.conversation_id) end \
     from members as moved \
     join conversations on conversations.id = moved.conversation_id \
     join users on users.key = moved.user_key \
     where moved.marked_at > (select max(marked_at) from members) - $1 \
     order by moved.marked_at desc limit $2",
);

/// Markers that moved last, for all who may know.
pub(super) async fn last_receipts(
    readers: &Pool,
    seconds: u32,
    limit: u32,
) -> Result<Vec<Receipt>, StoreError> {
    let rows: Vec<(String, String, String, i64, i64, String)> = readers
        .connection()
        .await?
        .all(MOVED_LAST, values![i64::from(seconds) * 1_000_000, limit, MOST_WATCHERS])
        .await?;
    rows.into_iter()
        .map(|(conversation_id, key, name, read_seq, delivered_seq, audience)| {
            Ok(Receipt {
                conversation_id,
                user: UserRef { name, key },
                read_seq: read_seq as u64,
                delivered_seq: delivered_seq as u64,
                audience: Arc::new(Audience::Users(serde_json::from_str(&audience)?)),
            })
        })
        .collect()
}
