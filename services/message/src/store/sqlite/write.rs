//! What the writer does to the database.

use std::collections::HashMap;

use common::{Event, EventId};
use serde::Serialize;
use sqlx::{Connection, FromRow, Sqlite, SqliteConnection, Transaction};

use super::{MessageRow, id, micros};
use crate::{
    post::Post,
    store::{
        Committed, StoreError,
        plan::{Keyed, KnownKeys, NewMessage, Plan},
    },
};

#[derive(FromRow)]
struct KeyedRow {
    #[sqlx(flatten)]
    message: MessageRow,
    sender_key: String,
    digest: String,
}
/// A message as `json_each` hands it to the insert.
#[derive(Serialize)]
struct InsertMessage<'a>(
    u64,
    &'a str,
    u64,
    &'a str,
    &'a str,
    &'a str,
    Option<&'a str>,
    Option<&'a str>,
);

/// An event as `json_each` hands it to the insert.
#[derive(Serialize)]
struct InsertEvent<'a>(u64, &'a str, String, &'a str);

/// Stores posts and their events in one transaction.
pub(super) async fn commit(
    connection: &mut SqliteConnection,
    posts: &[Post],
) -> Result<Committed, StoreError> {
    // Immediate: a transaction that began as a reader could not become the writer if another
    // process had written meanwhile.
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    let (last_id,): (i64,) = sqlx::query_as("select last_id from log").fetch_one(&mut *tx).await?;
    let mut last_seqs = last_seqs(&mut tx, posts).await?;
    let known = known_keys(&mut tx, posts).await?;
    let plan = Plan::new(posts, id(last_id), &mut last_seqs, known)?;
    if !plan.messages.is_empty() {
        insert_messages(&mut tx, &plan.messages).await?;
        append_events(&mut tx, &plan.events).await?;
        sqlx::query(
            "update conversations set last_seq = moved.value from json_each($1) as moved \
             where conversations.id = moved.key",
        )
        .bind(serde_json::to_string(&last_seqs)?)
        .execute(&mut *tx)
        .await?;
        sqlx::query("update log set last_id = $1")
            .bind(micros(plan.last_id()))
            .execute(&mut *tx)
            .await?;
    }
    tx.commit().await?;
    Ok(plan.into_committed())
}

/// Removes the oldest events.
pub(super) async fn prune(
    connection: &mut SqliteConnection,
    before: EventId,
    limit: u32,
) -> Result<u64, StoreError> {
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    let (floor, removed): (Option<i64>, i64) = sqlx::query_as(
        "select max(id), count(*) from \
         (select id from events where id < $1 order by id limit $2)",
    )
    .bind(micros(before))
    .bind(limit)
    .fetch_one(&mut *tx)
    .await?;
    if let Some(floor) = floor {
        sqlx::query("delete from events where id <= $1").bind(floor).execute(&mut *tx).await?;
        sqlx::query("update log set floor = $1").bind(floor).execute(&mut *tx).await?;
    }
    tx.commit().await?;
    Ok(removed as u64)
}
/// Finds out whether writing works.
pub(super) async fn probe(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    // Takes the room of the largest post: on a full disk, less would succeed where posts fail.
    for statement in [
        "drop table if exists probe",
        "create table probe (bytes blob) strict",
        "insert into probe (bytes) values (zeroblob(262144))",
        "drop table probe",
    ] {
        sqlx::query(statement).execute(&mut *connection).await?;
    }
    Ok(())
}

/// The newest seq of each conversation that the posts name and that exists.
async fn last_seqs(
    tx: &mut Transaction<'_, Sqlite>,
    posts: &[Post],
) -> Result<HashMap<String, u64>, StoreError> {
    let mut named: Vec<&str> = posts.iter().map(|post| post.conversation_id.as_str()).collect();
    named.sort_unstable();
    named.dedup();
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "select id, last_seq from conversations where id in (select value from json_each($1))",
    )
    .bind(serde_json::to_string(&named)?)
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|(id, seq)| (id, seq as u64)).collect())
}

/// The messages already stored under keys of the posts.
async fn known_keys(
    tx: &mut Transaction<'_, Sqlite>,
    posts: &[Post],
) -> Result<KnownKeys, StoreError> {
    let keys: Vec<(&str, &str)> = posts
        .iter()
        .filter_map(|post| Some((post.sender.key(), post.client_msg_id.as_deref()?)))
        .collect();
    if keys.is_empty() {
        return Ok(KnownKeys::new());
    }
    let rows: Vec<KeyedRow> = sqlx::query_as(
        "select messages.id, conversation_id, seq, sender, content, client_msg_id, sender_key, \
         digest from json_each($1) as asked cross join messages \
         on sender_key = asked.value ->> 0 and client_msg_id = asked.value ->> 1",
    )
    .bind(serde_json::to_string(&keys)?)
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let key = (row.sender_key, row.message.client_msg_id.clone().unwrap_or_default());
            (key, Keyed { message: row.message.into(), digest: row.digest })
        })
        .collect())
}

async fn insert_messages(
    tx: &mut Transaction<'_, Sqlite>,
    messages: &[NewMessage],
) -> Result<(), StoreError> {
    let rows: Vec<_> = messages
        .iter()
        .map(|NewMessage { message, sender_key, digest }| {
            InsertMessage(
                message.id.micros(),
                &message.conversation_id,
                message.seq,
                &message.user,
                sender_key,
                &message.content,
                message.client_msg_id.as_deref(),
                digest.as_deref(),
            )
        })
        .collect();
    // One statement whatever the size of the batch: prepared once, one trip to the database.
    sqlx::query(
        "insert into messages \
         (id, conversation_id, seq, sender, sender_key, content, client_msg_id, digest) \
         select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, \
         value ->> 6, value ->> 7 from json_each($1)",
    )
    .bind(serde_json::to_string(&rows)?)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn append_events(
    tx: &mut Transaction<'_, Sqlite>,
    events: &[Event],
) -> Result<(), StoreError> {
    let rows = events
        .iter()
        .map(|event| {
            let audience = serde_json::to_string(&event.audience)?;
            Ok(InsertEvent(event.id.micros(), &event.kind, audience, event.data.get()))
        })
        .collect::<Result<Vec<_>, serde_json::Error>>()?;
    sqlx::query(
        "insert into events (id, type, audience, data) \
         select value ->> 0, value ->> 1, value ->> 2, value ->> 3 from json_each($1)",
    )
    .bind(serde_json::to_string(&rows)?)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
