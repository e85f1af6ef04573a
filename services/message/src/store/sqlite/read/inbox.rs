//! What others sent a user privately.

use sqlx::SqlitePool;

use super::{micros, rows};
use crate::{
    chat::message::Message,
    store::{StoreError, conversations::Inbox},
};

/// The newest of all conversations together: each gives its newest, and the newest of those win.
pub(in crate::store::sqlite) async fn list(
    readers: &SqlitePool,
    key: &str,
    inbox: Inbox,
) -> Result<(Vec<Message>, bool), StoreError> {
    let mut tx = readers.begin().await?;
    let statement = format!(
        "select {} from members as mine \
         cross join conversations on conversations.id = mine.conversation_id \
         cross join messages on messages.id in ( \
           select theirs.id from messages as theirs \
           where theirs.conversation_id = mine.conversation_id and theirs.id < $2 \
           and theirs.sender_key <> $1 \
           and (conversations.history = 'all' or theirs.seq > mine.joined_seq) \
           order by theirs.id desc limit $3) \
         where mine.user_key = $1 \
         and (mine.conversation_id glob 'dm:*' or ($4 and mine.conversation_id glob 'g-*')) \
         order by messages.id desc limit $5 offset $6",
        rows::MESSAGE_COLUMNS
    );
    // One more than asked for tells whether there are more.
    let wanted = i64::from(inbox.limit) + 1;
    let mut found: Vec<rows::MessageRow> = sqlx::query_as(sqlx::AssertSqlSafe(statement))
        .bind(key)
        .bind(inbox.before.map_or(i64::MAX, micros))
        .bind(wanted + i64::from(inbox.skip))
        .bind(!inbox.direct_only)
        .bind(wanted)
        .bind(inbox.skip)
        .fetch_all(&mut *tx)
        .await?;
    let more = found.len() > inbox.limit as usize;
    found.truncate(inbox.limit as usize);
    Ok((rows::complete(&mut tx, found).await?, more))
}
