//! Reads. They have connections of their own, and never wait for the writer.

pub(super) mod conversations;
pub(super) mod inbox;
pub(super) mod members;
pub(super) mod people;

use std::collections::HashSet;

use common::{
    Batch, Event, EventId,
    event::{LogPage, fitting},
};
use futures_util::TryStreamExt;
use serde_json::value::RawValue;
use sqlx::{FromRow, Sqlite, SqliteConnection, SqliteExecutor, SqlitePool, Transaction};

use super::{audiences, id, micros, moment, rows};
use crate::{
    chat::{change::Refusal, message::Message},
    store::{Allowed, NoCursor, Page, Position, StoreError, Window},
};

/// The most bytes of events and audiences in one page of the log: what is asked for is to be there
/// within the deadline between the services, and costs its reader several times as much memory.
const MAX_PAGE_BYTES: usize = 4 * 1024 * 1024;

/// The most bytes in the end of the log that a feed begins with: as many as it keeps by default.
const MAX_TAIL_BYTES: usize = 64 * 1024 * 1024;

#[derive(FromRow)]
struct EventRow {
    id: i64,
    r#type: String,
    audience: String,
    data: String,
    /// The bytes of the set that it refers to.
    users: Option<i64>,
}

/// Where the event log begins and where it ends.
pub(super) async fn floor_and_head(
    reader: impl SqliteExecutor<'_>,
) -> Result<(EventId, EventId), StoreError> {
    let (floor, head): (i64, i64) =
        sqlx::query_as("select floor, last_id from log").fetch_one(reader).await?;
    Ok((id(floor), id(head)))
}

/// One message, for someone.
pub(super) async fn message(
    readers: &SqlitePool,
    asker: Option<&str>,
    id: EventId,
) -> Allowed<Message> {
    let mut tx = readers.begin().await?;
    let Some(row) = rows::message_row(&mut tx, id).await? else {
        return Ok(Err(Refusal::NoMessage));
    };
    let Some((_, standing, _)) = rows::standing(&mut tx, &row.conversation_id, asker).await? else {
        return Ok(Err(Refusal::NoMessage));
    };
    if let Err(refusal) = standing.read_message(row.seq as u64) {
        return Ok(Err(refusal));
    }
    let mut messages = rows::complete(&mut tx, vec![row]).await?;
    Ok(messages.pop().ok_or(Refusal::NoMessage))
}

/// A part of a conversation, for someone.
pub(super) async fn page(
    readers: &SqlitePool,
    asker: Option<&str>,
    conversation_id: &str,
    window: Window,
    limit: u32,
) -> Allowed<Page> {
    // One snapshot for all that the page is made of.
    let mut tx = readers.begin().await?;
    let Some((place, standing, _)) = rows::standing(&mut tx, conversation_id, asker).await? else {
        return Ok(Err(Refusal::NoConversation));
    };
    let hidden = match standing.read() {
        Ok(after) => after as i64,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let (newest, limit) = (place.last_seq as i64, i64::from(limit));
    // Seqs have no gaps, so a page is a range of seqs and its ends tell what lies beyond.
    let (first, last) = match window {
        Window::Newest => (newest - limit + 1, newest),
        Window::Before(position) => {
            let end = seq_at(&mut tx, conversation_id, position, newest).await?.0 - 1;
            (end - limit + 1, end)
        }
        Window::After(position) => {
            let (at, exact) = seq_at(&mut tx, conversation_id, position, newest).await?;
            let start = if exact { at + 1 } else { at }.max(hidden + 1);
            (start, start.saturating_add(limit - 1))
        }
        Window::Around(position) => {
            let at = seq_at(&mut tx, conversation_id, position, newest).await?.0;
            let start = (at - limit / 2).min(newest - limit + 1).max(hidden + 1);
            (start, start.saturating_add(limit - 1))
        }
    };
    let statement = format!(
        "select {} from messages where conversation_id = $1 and seq between $2 and $3 order by seq",
        rows::MESSAGE_COLUMNS
    );
    let found: Vec<rows::MessageRow> = sqlx::query_as(sqlx::AssertSqlSafe(statement))
        .bind(conversation_id)
        .bind(first.max(hidden + 1))
        .bind(last)
        .fetch_all(&mut *tx)
        .await?;
    Ok(Ok(Page {
        has_older: first > hidden + 1 && newest > hidden,
        has_newer: last < newest,
        messages: rows::complete(&mut tx, found).await?,
    }))
}

/// The events after a cursor, as far as they fit into a page.
pub(super) async fn events_after(
    readers: &SqlitePool,
    after: EventId,
    limit: u32,
) -> Result<Result<LogPage, NoCursor>, StoreError> {
    let mut tx = readers.begin().await?;
    Ok(match find_cursor(&mut tx, after).await? {
        Ok(()) => Ok(read_after(&mut tx, after, limit).await?),
        Err(lost) => Err(lost),
    })
}

/// Whether the log goes on from a cursor: one that it does not hold may be of a log that was lost, as
/// when a copy of the database has been put back.
async fn find_cursor(
    connection: &mut SqliteConnection,
    cursor: EventId,
) -> Result<Result<(), NoCursor>, StoreError> {
    let (floor, head) = floor_and_head(&mut *connection).await?;
    if cursor < floor {
        return Ok(Err(NoCursor::Expired));
    }
    let (held,): (Option<i64>,) = sqlx::query_as("select min(id) from events where id >= $1")
        .bind(micros(cursor))
        .fetch_one(connection)
        .await?;
    let is_held =
        cursor == floor || cursor == head || held.is_some_and(|held| cursor.is_at(id(held)));
    Ok(if is_held { Ok(()) } else { Err(NoCursor::Unknown) })
}

/// The last events, as far as they fit into a tail; of those, as many as fit into a page.
pub(super) async fn events_tail(readers: &SqlitePool, limit: u32) -> Result<LogPage, StoreError> {
    // One snapshot, so that nothing is pruned between finding the place and reading from it.
    let mut tx = readers.begin().await?;
    // One more than asked for: its id is the cursor right before the others. The length in bytes
    // is found without reading what is so long.
    let newest: Vec<(i64, i64, Option<String>, Option<i64>)> = sqlx::query_as(
        "select id, octet_length(audience) + octet_length(data), audience ->> 'set', \
         (select octet_length(users) from audiences where audiences.id = audience ->> 'set') \
         from events order by id desc limit $1",
    )
    .bind(limit + 1)
    .fetch_all(&mut *tx)
    .await?;
    let mut counted = HashSet::new();
    let sizes = newest.iter().take(limit as usize).map(|(_, size, set, users)| {
        let is_new = set.as_ref().is_some_and(|set| counted.insert(set));
        (size + users.filter(|_| is_new).unwrap_or_default()) as usize
    });
    let after = match newest.get(fitting(sizes, MAX_TAIL_BYTES)) {
        Some((before, ..)) => id(*before),
        None => floor_and_head(&mut *tx).await?.0,
    };
    read_after(&mut tx, after, limit).await
}

async fn read_after(
    connection: &mut SqliteConnection,
    after: EventId,
    limit: u32,
) -> Result<LogPage, StoreError> {
    let (floor, head) = floor_and_head(&mut *connection).await?;
    let mut rows = sqlx::query_as::<_, EventRow>(
        "select id, type, audience, data, \
         (select octet_length(users) from audiences where audiences.id = audience ->> 'set') as users \
         from events where id > $1 order by id limit $2",
    )
    .bind(micros(after))
    .bind(limit)
    .fetch(&mut *connection);
    let (mut events, mut bytes, mut wanted) = (Vec::new(), 0, HashSet::new());
    while let Some(row) = rows.try_next().await? {
        let users = row.users.unwrap_or_default() as usize;
        bytes += row.audience.len() + row.data.len();
        let event = event(row)?;
        // A set is there once, with the first event that refers to it.
        let set = event.audience.set().filter(|set| !wanted.contains(*set)).cloned();
        bytes += set.as_ref().map_or(0, |_| users);
        // Whoever reads on needs one event at least.
        if bytes > MAX_PAGE_BYTES && !events.is_empty() {
            break;
        }
        wanted.extend(set);
        events.push(event);
    }
    drop(rows);
    let sets = audiences::read(connection, &wanted).await?;
    Ok(LogPage { batch: Batch { after, events, sets }, head, floor })
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

fn event(row: EventRow) -> Result<Event, StoreError> {
    Ok(Event {
        id: id(row.id),
        kind: row.r#type,
        audience: serde_json::from_str(&row.audience)?,
        data: RawValue::from_string(row.data)?.into(),
        origin: None,
    })
}
