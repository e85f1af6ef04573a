//! The event log: all of it, for the other service, or what somebody may see of it.

use std::collections::{HashMap, HashSet};

use common::{
    Audience, Batch, Event, EventId,
    event::{LogPage, fitting},
};
use futures_util::TryStreamExt;
use serde_json::value::RawValue;
use sqlx::{FromRow, SqliteConnection, SqliteExecutor, SqlitePool};

use super::super::{audiences, id, micros};
use crate::store::{NoCursor, StoreError, Viewer};

/// The most bytes of events and audiences in one page of the log: what is asked for is to be there
/// within the deadline between the services, and costs its reader several times as much memory.
const MAX_PAGE_BYTES: usize = 4 * 1024 * 1024;

/// The most bytes in the end of the log that a feed begins with: as many as it keeps by default.
const MAX_TAIL_BYTES: usize = 64 * 1024 * 1024;

/// Events that are looked at for a page of what somebody may see: of those that they may not, the audience
/// is read and nothing else.
const SCAN: u32 = 5_000;

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
pub(in crate::store::sqlite) async fn floor_and_head(
    reader: impl SqliteExecutor<'_>,
) -> Result<(EventId, EventId), StoreError> {
    let (floor, head): (i64, i64) =
        sqlx::query_as("select floor, last_id from log").fetch_one(reader).await?;
    Ok((id(floor), id(head)))
}

/// The events after a cursor, as far as they fit into a page.
pub(in crate::store::sqlite) async fn events_after(
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

/// Of the events after a cursor, those that a viewer may see.
pub(in crate::store::sqlite) async fn events_for(
    readers: &SqlitePool,
    after: EventId,
    viewer: Viewer<'_>,
    limit: u32,
) -> Result<Result<LogPage, NoCursor>, StoreError> {
    let mut tx = readers.begin().await?;
    if let Err(lost) = find_cursor(&mut tx, after).await? {
        return Ok(Err(lost));
    }
    let (floor, head) = floor_and_head(&mut *tx).await?;
    let scanned = audiences_after(&mut tx, after).await?;
    let end = scanned.get(SCAN as usize - 1).map_or(head, |(last, _)| id(*last));
    let mut sights = Sights { viewer, of_sets: HashMap::new() };
    let mut visible = Vec::new();
    for (event, audience) in scanned {
        if let Some(audience) = sights.see(&mut tx, audience).await? {
            visible.push((event, audience));
            // One more than fits, to know where the page ends.
            if visible.len() > limit as usize {
                break;
            }
        }
    }
    let (events, is_whole) = load(&mut tx, visible, limit).await?;
    let looked_to = if is_whole { end } else { events.last().map_or(after, |last| last.id) };
    let batch = Batch::new(after, events);
    Ok(Ok(LogPage { batch, head, floor, looked_to: Some(looked_to) }))
}

/// The next events, and whom each is for.
async fn audiences_after(
    connection: &mut SqliteConnection,
    after: EventId,
) -> Result<Vec<(i64, String)>, StoreError> {
    let statement = "select id, audience from events where id > $1 order by id limit $2";
    Ok(sqlx::query_as(statement).bind(micros(after)).bind(SCAN).fetch_all(connection).await?)
}

/// What somebody may see; sets are looked at once each.
struct Sights<'a> {
    viewer: Viewer<'a>,
    of_sets: HashMap<String, bool>,
}

impl Sights<'_> {
    /// An audience that the viewer is part of, as far as it is their affair who else is.
    async fn see(
        &mut self,
        connection: &mut SqliteConnection,
        audience: String,
    ) -> Result<Option<Audience>, StoreError> {
        let Viewer { rooms, user } = self.viewer;
        let audience: Audience = serde_json::from_str(&audience)?;
        let admits = match (&audience, user) {
            (Audience::Set(set), Some(user)) => match self.of_sets.get(set.as_str()) {
                Some(known) => *known,
                None => {
                    let is_in = audiences::contain(connection, set, user).await?;
                    self.of_sets.insert(set.as_str().to_owned(), is_in);
                    is_in
                }
            },
            _ => audience.admits(rooms, user),
        };
        Ok(admits.then(|| match (audience, user) {
            (room @ Audience::Room(_), _) => room,
            (_, user) => Audience::Users(user.map(str::to_owned).into_iter().collect()),
        }))
    }
}

/// The data of events, as many as fit into a page; and whether that is all of them.
async fn load(
    connection: &mut SqliteConnection,
    mut visible: Vec<(i64, Audience)>,
    limit: u32,
) -> Result<(Vec<Event>, bool), StoreError> {
    let wanted = visible.len();
    visible.truncate(limit as usize);
    let ids: Vec<_> = visible.iter().map(|(event, _)| event).collect();
    let mut rows = sqlx::query_as::<_, (i64, String, String)>(
        "select events.id, events.type, events.data from json_each($1) as wanted \
         cross join events on events.id = wanted.value",
    )
    .bind(serde_json::to_string(&ids)?)
    .fetch(connection);
    let (mut events, mut bytes, mut visible) = (Vec::new(), 0, visible.into_iter());
    while let Some((event, kind, data)) = rows.try_next().await?
        && let Some((_, audience)) = visible.next()
    {
        bytes += data.len();
        if bytes > MAX_PAGE_BYTES && !events.is_empty() {
            break;
        }
        let data = RawValue::from_string(data)?.into();
        events.push(Event { id: id(event), kind, audience: audience.into(), data, origin: None });
    }
    let is_whole = events.len() == wanted;
    Ok((events, is_whole))
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
pub(in crate::store::sqlite) async fn events_tail(
    readers: &SqlitePool,
    limit: u32,
) -> Result<LogPage, StoreError> {
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

#[cfg(test)]
mod tests {
    use common::{Clock, audience::Sets};
    use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};

    use super::{super::super::audiences, *};
    use crate::{
        config::Durability,
        store::{SqliteStore, Store},
    };

    const USERS: [&str; 5] = ["al", "bo", "a\"l", "l\"", "ÆØ"];

    /// Whom an event may be for: rooms, few users, more of them by reference.
    fn random(rng: &mut StdRng) -> Audience {
        match rng.random_range(0..4) {
            0 => Audience::Room("public".to_owned()),
            1 => Audience::Room("hall".to_owned()),
            _ => Audience::Users(
                USERS.iter().filter(|_| rng.random()).map(|user| (*user).to_owned()).collect(),
            ),
        }
    }

    async fn fill(store: &SqliteStore, audiences: &[Audience]) {
        let mut tx = store.writer.begin().await.unwrap();
        for (number, audience) in (1..).zip(audiences) {
            let mut sets = Sets::default();
            let reference = sets.refer(&audience.clone().into());
            audiences::store(&mut tx, &sets, id(number)).await.unwrap();
            sqlx::query("insert into events (id, type, audience, data) values ($1, 'x', $2, $3)")
                .bind(number)
                .bind(serde_json::to_string(&reference).unwrap())
                .bind(number.to_string())
                .execute(&mut *tx)
                .await
                .unwrap();
        }
        sqlx::query("update log set last_id = $1")
            .bind(audiences.len() as i64)
            .execute(&mut *tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    /// Ids and data of all that a viewer may see, page by page.
    async fn read_all(store: &SqliteStore, viewer: Viewer<'_>, limit: u32) -> Vec<(u64, String)> {
        let (mut after, mut all) = (EventId::ZERO, Vec::new());
        loop {
            let page = store.events_for(after, viewer, limit).await.unwrap().unwrap();
            assert!(page.batch.events.len() <= limit as usize);
            let events = page.batch.events.iter();
            all.extend(events.map(|event| (event.id.micros(), event.data.get().to_owned())));
            if page.end() == page.head {
                return all;
            }
            assert!(page.end() > after, "it goes on");
            after = page.end();
        }
    }

    #[tokio::test]
    async fn a_viewer_gets_what_is_for_them_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("realtalk.db");
        let store = SqliteStore::open(&path, Durability::Relaxed, Clock::default()).await.unwrap();
        let seed = rand::random::<u64>();
        println!("seed {seed}");
        let mut rng = StdRng::seed_from_u64(seed);
        // More than are looked at for one page.
        let audiences: Vec<_> = (0..SCAN + 500).map(|_| random(&mut rng)).collect();
        fill(&store, &audiences).await;
        for rooms in [&[][..], &["public"], &["public", "hall"]] {
            let rooms = rooms.iter().map(|room| (*room).to_owned()).collect();
            for user in USERS.into_iter().map(Some).chain([None, Some("l"), Some("eve")]) {
                let viewer = Viewer { rooms: &rooms, user };
                let seen = |(_, audience): &(u64, &Audience)| audience.admits(&rooms, user);
                let theirs = (1..).zip(&audiences).filter(seen);
                let theirs: Vec<_> = theirs.map(|(id, _)| (id, id.to_string())).collect();
                let limit = *[10_000, 1_000, 333].choose(&mut rng).unwrap();
                assert!(read_all(&store, viewer, limit).await == theirs, "{user:?} {rooms:?}");
            }
        }
    }
}
