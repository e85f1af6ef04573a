//! The event log, for the other service.

use std::collections::HashSet;

use common::{
    Batch, Event, EventId,
    event::{LogPage, fitting},
};
use futures_util::TryStreamExt;
use serde_json::value::RawValue;
use sqlx::FromRow;

use crate::store::{
    NoCursor, StoreError, audiences,
    database::{Connection, Pool, Sql, either, id, micros, values},
};

/// The most bytes of events and audiences in one page of the log: what is asked for is to be there
/// within the deadline between the services, and costs its reader several times as much memory.
pub(super) const MAX_PAGE_BYTES: usize = 4 * 1024 * 1024;

/// The most bytes in the end of the log that a feed begins with: as many as it keeps by default.
const MAX_TAIL_BYTES: usize = 64 * 1024 * 1024;

/// The newest events: how long each is, and the set that it refers to.
const SIZES: Sql = either(
    "select id, octet_length(audience) + octet_length(data), audience ->> 'set', \
     (select octet_length(users) from audiences where audiences.id = audience ->> 'set') \
     from events order by id desc limit $1",
    "select events.id, (octet_length(audience) + octet_length(data))::bigint, audiences.id, \
     octet_length(users)::bigint \
     from events left join audiences on audiences.id = audience::json ->> 'set' \
     order by events.id desc limit $1",
);

/// Those that follow one.
const EVENTS: Sql = either(
    "select id, type, audience, data, \
     (select octet_length(users) from audiences where audiences.id = audience ->> 'set') as users \
     from events where id > $1 order by id limit $2",
    // It sends all that it is asked for, also what is not read any more.
    "select id, type, audience, data, users from ( \
       select events.id, type, audience, data, octet_length(users)::bigint as users, \
         sum(octet_length(audience) + octet_length(data)) over (order by events.id) \
           - octet_length(audience) - octet_length(data) as before \
       from events left join audiences on audiences.id = audience::json ->> 'set' \
       where events.id > $1 order by events.id limit $2) as page \
     where before <= $3 order by id",
);

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
pub(in crate::store) async fn floor_and_head(
    connection: &mut Connection<'_>,
) -> Result<(EventId, EventId), StoreError> {
    let (floor, head): (i64, i64) =
        connection.one("select floor, last_id from log", values![]).await?;
    Ok((id(floor), id(head)))
}

/// The events after a cursor, as far as they fit into a page.
pub(in crate::store) async fn events_after(
    readers: &Pool,
    after: EventId,
    limit: u32,
) -> Result<Result<LogPage, NoCursor>, StoreError> {
    let mut tx = readers.snapshot().await?;
    Ok(match find_cursor(&mut tx, after).await? {
        Ok(ends) => Ok(read_after(&mut tx, after, limit, ends).await?),
        Err(lost) => Err(lost),
    })
}

/// Where the log begins and ends, if it goes on from a cursor: one that it does not hold may be of a log that was lost, as
/// when a copy of the database has been put back.
pub(super) async fn find_cursor(
    connection: &mut Connection<'_>,
    cursor: EventId,
) -> Result<Result<(EventId, EventId), NoCursor>, StoreError> {
    let (floor, head) = floor_and_head(connection).await?;
    if cursor < floor {
        return Ok(Err(NoCursor::Expired));
    }
    let (held,): (Option<i64>,) = connection
        .one("select min(id) from events where id >= $1", values![micros(cursor)])
        .await?;
    let is_held =
        cursor == floor || cursor == head || held.is_some_and(|held| cursor.is_at(id(held)));
    Ok(if is_held { Ok((floor, head)) } else { Err(NoCursor::Unknown) })
}

/// The last events, as far as they fit into a tail; of those, as many as fit into a page.
pub(in crate::store) async fn events_tail(
    readers: &Pool,
    tail: u32,
    limit: u32,
) -> Result<LogPage, StoreError> {
    // One snapshot, so that nothing is pruned between finding the place and reading from it.
    let mut tx = readers.snapshot().await?;
    let ends = floor_and_head(&mut tx).await?;
    // One more than asked for: its id is the cursor right before the others. The length in bytes
    // is found without reading what is so long.
    let newest: Vec<(i64, i64, Option<String>, Option<i64>)> =
        tx.all(SIZES, values![tail + 1]).await?;
    let mut counted = HashSet::new();
    let sizes = newest.iter().take(tail as usize).map(|(_, size, set, users)| {
        let is_new = set.as_ref().is_some_and(|set| counted.insert(set));
        (size + users.filter(|_| is_new).unwrap_or_default()) as usize
    });
    let after = match newest.get(fitting(sizes, MAX_TAIL_BYTES)) {
        Some((before, ..)) => id(*before),
        None => ends.0,
    };
    read_after(&mut tx, after, limit, ends).await
}

async fn read_after(
    connection: &mut Connection<'_>,
    after: EventId,
    limit: u32,
    (floor, head): (EventId, EventId),
) -> Result<LogPage, StoreError> {
    let mut rows =
        connection.stream::<EventRow>(EVENTS, values![micros(after), limit, MAX_PAGE_BYTES as i64]);
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
    Ok(LogPage { batch: Batch { after, events, sets }, head, floor, looked_to: None })
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
