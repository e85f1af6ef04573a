//! What somebody may see of the event log.

use std::collections::HashMap;

use common::{Audience, Batch, Event, EventId, event::LogPage};
use futures_util::TryStreamExt;
use serde_json::value::RawValue;

use super::log::{MAX_PAGE_BYTES, find_cursor};
use crate::store::{
    NoCursor, StoreError, Viewer, audiences,
    database::{Connection, Pool, Sql, either, id, list, micros, values},
};

/// Events that are looked at for a page of what somebody may see: of those that they may not, the audience
/// is read and nothing else.
const SCAN: usize = 2_500;

/// Of the events after a cursor, those that a viewer may see.
pub(in crate::store) async fn events_for(
    readers: &Pool,
    after: EventId,
    viewer: Viewer<'_>,
    limit: u32,
) -> Result<Result<LogPage, NoCursor>, StoreError> {
    let mut tx = readers.snapshot().await?;
    let (floor, head) = match find_cursor(&mut tx, after).await? {
        Ok(ends) => ends,
        Err(lost) => return Ok(Err(lost)),
    };
    let mut sights = Sights { viewer, of_sets: HashMap::new() };
    let (mut visible, mut looked_at, mut end) = (Vec::new(), 0, after);
    // One more than fits, to know where the page ends.
    while visible.len() <= limit as usize && looked_at < SCAN && end < head {
        let chunk =
            audiences_after(&mut tx, end, limit.saturating_add(1).clamp(256, 1_000)).await?;
        looked_at += chunk.len();
        let Some((last, _)) = chunk.last() else {
            end = head;
            break;
        };
        end = id(*last);
        for (event, audience) in chunk {
            if let Some(audience) = sights.see(&mut tx, audience).await? {
                visible.push((event, audience));
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
    connection: &mut Connection<'_>,
    after: EventId,
    limit: u32,
) -> Result<Vec<(i64, String)>, StoreError> {
    let statement = "select id, audience from events where id > $1 order by id limit $2";
    connection.all(statement, values![micros(after), limit]).await
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
        connection: &mut Connection<'_>,
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

/// Events by their ids, in order: SQLite goes through the list, and has read no further than somebody reads;
/// PostgreSQL sends all that it is asked for.
const DATA: Sql = either(
    "select events.id, events.type, events.data from json_each($1) as wanted \
     cross join events on events.id = cast(wanted.value ->> 0 as bigint)",
    "select id, type, data from ( \
       select events.id, type, data, \
         sum(octet_length(data)) over (order by events.id) - octet_length(data) as before \
       from json_each($1) as wanted \
       join events on events.id = cast(wanted.value ->> 0 as bigint)) as page \
     where before <= $2 order by id",
);

/// The data of events, as many as fit into a page; and whether that is all of them.
async fn load(
    connection: &mut Connection<'_>,
    mut visible: Vec<(i64, Audience)>,
    limit: u32,
) -> Result<(Vec<Event>, bool), StoreError> {
    let wanted = visible.len();
    visible.truncate(limit as usize);
    let ids = list(visible.iter().map(|(event, _)| event))?;
    let mut rows =
        connection.stream::<(i64, String, String)>(DATA, values![&ids, MAX_PAGE_BYTES as i64]);
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

#[cfg(test)]
mod tests {
    use common::{Clock, audience::Sets};
    use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};

    use super::*;
    use crate::{
        config::{Database, Durability},
        store::Store,
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

    async fn fill(store: &Store, audiences: &[Audience]) {
        let mut writer = store.pools.writer.connection().await.unwrap();
        let mut tx = writer.begin().await.unwrap();
        for (number, audience) in (1..).zip(audiences) {
            let mut sets = Sets::default();
            let reference = sets.refer(&audience.clone().into());
            audiences::store(&mut tx, &sets, id(number)).await.unwrap();
            let reference = serde_json::to_string(&reference).unwrap();
            tx.execute(
                "insert into events (id, type, audience, data) values ($1, 'x', $2, $3)",
                values![number, &reference, &number.to_string()],
            )
            .await
            .unwrap();
        }
        let last = audiences.len() as i64;
        tx.execute("update log set last_id = $1", values![last]).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Ids and data of all that a viewer may see, page by page.
    async fn read_all(store: &Store, viewer: Viewer<'_>, limit: u32) -> Vec<(u64, String)> {
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
        let store = Store::open(&Database::File(path), Durability::Relaxed, Clock::default())
            .await
            .unwrap();
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
