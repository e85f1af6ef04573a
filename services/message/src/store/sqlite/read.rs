//! Reads. They have connections of their own, and never wait for the writer.

use common::{Audience, Batch, Event, EventId, event::LogPage};
use serde_json::value::RawValue;
use sqlx::{FromRow, Sqlite, SqlitePool, Transaction};

use super::{MessageRow, id, micros};
use crate::{
    message::Message,
    store::{Page, Position, StoreError, Window},
};

#[derive(FromRow)]
struct EventRow {
    id: i64,
    r#type: String,
    audience: String,
    data: String,
}

/// Where the event log begins and where it ends.
pub(super) async fn floor_and_head(readers: &SqlitePool) -> Result<(EventId, EventId), StoreError> {
    let (floor, head): (i64, i64) =
        sqlx::query_as("select floor, last_id from log").fetch_one(readers).await?;
    Ok((id(floor), id(head)))
}

/// One message.
pub(super) async fn message(
    readers: &SqlitePool,
    id: EventId,
) -> Result<Option<Message>, StoreError> {
    let row: Option<MessageRow> = sqlx::query_as(
        "select id, conversation_id, seq, sender, content, client_msg_id \
         from messages where id = $1",
    )
    .bind(micros(id))
    .fetch_optional(readers)
    .await?;
    Ok(row.map(Message::from))
}

/// A part of a conversation.
pub(super) async fn page(
    readers: &SqlitePool,
    conversation_id: &str,
    window: Window,
    limit: u32,
) -> Result<Option<Page>, StoreError> {
    // One snapshot for all that the page is made of.
    let mut tx = readers.begin().await?;
    let newest: Option<(i64,)> = sqlx::query_as("select last_seq from conversations where id = $1")
        .bind(conversation_id)
        .fetch_optional(&mut *tx)
        .await?;
    let Some((newest,)) = newest else {
        return Ok(None);
    };
    let limit = i64::from(limit);
    // Seqs have no gaps, so a page is a range of seqs and its ends tell what lies beyond.
    let (first, last) = match window {
        Window::Newest => (newest - limit + 1, newest),
        Window::Before(position) => {
            let end = seq_at(&mut tx, conversation_id, position, newest).await?.0 - 1;
            (end - limit + 1, end)
        }
        Window::After(position) => {
            let (at, exact) = seq_at(&mut tx, conversation_id, position, newest).await?;
            let start = if exact { at + 1 } else { at };
            (start, start.saturating_add(limit - 1))
        }
        Window::Around(position) => {
            let at = seq_at(&mut tx, conversation_id, position, newest).await?.0;
            let start = (at - limit / 2).min(newest - limit + 1).max(1);
            (start, start.saturating_add(limit - 1))
        }
    };
    let rows: Vec<MessageRow> = sqlx::query_as(
        "select id, conversation_id, seq, sender, content, client_msg_id from messages \
         where conversation_id = $1 and seq between $2 and $3 order by seq",
    )
    .bind(conversation_id)
    .bind(first)
    .bind(last)
    .fetch_all(&mut *tx)
    .await?;
    Ok(Some(Page {
        has_older: first > 1 && newest > 0,
        has_newer: last < newest,
        messages: rows.into_iter().map(Message::from).collect(),
    }))
}

/// The events after a cursor.
pub(super) async fn events_after(
    readers: &SqlitePool,
    after: EventId,
    limit: u32,
) -> Result<LogPage, StoreError> {
    // The events are read first: what is committed meanwhile only moves the head further on.
    let rows: Vec<EventRow> = sqlx::query_as(
        "select id, type, audience, data from events where id > $1 order by id limit $2",
    )
    .bind(micros(after))
    .bind(limit)
    .fetch_all(readers)
    .await?;
    let (floor, head) = floor_and_head(readers).await?;
    Ok(LogPage { batch: Batch { after, events: events(rows)? }, head, floor })
}

/// The last events.
pub(super) async fn events_tail(readers: &SqlitePool, limit: u32) -> Result<LogPage, StoreError> {
    // One more than asked for: its id is the cursor right before the others.
    let mut rows: Vec<EventRow> =
        sqlx::query_as("select id, type, audience, data from events order by id desc limit $1")
            .bind(limit + 1)
            .fetch_all(readers)
            .await?;
    let (floor, head) = floor_and_head(readers).await?;
    rows.reverse();
    let after = if rows.len() as u64 > u64::from(limit) { id(rows.remove(0).id) } else { floor };
    Ok(LogPage { batch: Batch { after, events: events(rows)? }, head, floor })
}

/// The seq of the message at a place, and whether there is one; else the seq of the next one.
async fn seq_at(
    tx: &mut Transaction<'_, Sqlite>,
    conversation_id: &str,
    position: Position,
    newest: i64,
) -> Result<(i64, bool), StoreError> {
    let at = match position {
        Position::Seq(seq) => i64::try_from(seq).unwrap_or(i64::MAX).min(newest + 1),
        Position::Id(at) => {
            let found: Option<(i64, i64)> = sqlx::query_as(
                "select seq, id from messages where conversation_id = $1 and id >= $2 \
                 order by id limit 1",
            )
            .bind(conversation_id)
            .bind(micros(at))
            .fetch_optional(&mut **tx)
            .await?;
            match found {
                Some((seq, found)) => return Ok((seq, found == micros(at))),
                None => newest + 1,
            }
        }
    };
    Ok((at, true))
}

fn events(rows: Vec<EventRow>) -> Result<Vec<Event>, StoreError> {
    rows.into_iter()
        .map(|row| {
            Ok(Event {
                id: id(row.id),
                kind: row.r#type,
                audience: serde_json::from_str::<Audience>(&row.audience)?,
                data: RawValue::from_string(row.data)?.into(),
                origin: None,
            })
        })
        .collect()
}
