//! What others sent a user privately.

use crate::{
    chat::message::Message,
    store::{
        Inbox, StoreError,
        database::{Pool, Sql, micros, values},
        rows,
    },
};

/// The newest of all conversations together: each gives its newest, and the newest of those win.
pub(in crate::store) async fn list(
    readers: &Pool,
    key: &str,
    inbox: Inbox,
) -> Result<(Vec<Message>, bool), StoreError> {
    let mut tx = readers.snapshot().await?;
    let newest = "from messages as theirs \
                  where theirs.conversation_id = mine.conversation_id and theirs.id < $2 \
                  and theirs.sender_key <> $1 \
                  and (conversations.history = 'all' or theirs.seq > mine.joined_seq) \
                  order by theirs.id desc limit $3";
    // Each conversation is asked for its newest: SQLite by the list of their ids, PostgreSQL by a join
    // that knows what is to its left.
    let [sqlite, postgres] = [
        format!("messages on messages.id in (select theirs.id {newest})"),
        format!("lateral (select theirs.* {newest}) as messages on true"),
    ]
    .map(|messages| {
        format!(
            "select {} from members as mine \
             cross join conversations on conversations.id = mine.conversation_id cross join {messages} \
             where mine.user_key = $1 \
             and (substr(mine.conversation_id, 1, 3) = 'dm:' \
               or $4 and substr(mine.conversation_id, 1, 2) = 'g-') \
             order by messages.id desc limit $5 offset $6",
            rows::MESSAGE_COLUMNS
        )
    });
    let statement = Sql::of(sqlite, postgres);
    // One more than asked for tells whether there are more.
    let wanted = i64::from(inbox.limit) + 1;
    let mut found: Vec<rows::MessageRow> = tx
        .all(
            statement,
            values![
                key,
                inbox.before.map_or(i64::MAX, micros),
                wanted + i64::from(inbox.skip),
                !inbox.direct_only,
                wanted,
                inbox.skip
            ],
        )
        .await?;
    let more = found.len() > inbox.limit as usize;
    found.truncate(inbox.limit as usize);
    Ok((rows::complete(&mut tx, found).await?, more))
}
