//! Sets of users that events refer to.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use common::{
    Audience, Event, EventId,
    audience::{SetId, Sets},
};
use futures_util::TryStreamExt;
use sqlx::{Connection, SqliteConnection};

use super::{id, micros};
use crate::store::StoreError;

/// How far the note of a set's last use may be behind, in microseconds: it is not written with every
/// message.
const SLACK: i64 = 3_600 * 1_000_000;

/// Events rewritten in one transaction, and about how many bytes of names.
const CHUNK: i64 = 1_000;
const CHUNK_BYTES: usize = 4 * 1024 * 1024;

/// Has events refer to the sets that they name, and returns these.
pub(super) fn refer(events: &mut [Event]) -> Sets {
    let mut sets = Sets::default();
    // Posts of one batch to one group share their audience.
    let mut known: HashMap<*const Audience, (Arc<Audience>, Arc<Audience>)> = HashMap::new();
    for event in events {
        let key = Arc::as_ptr(&event.audience);
        let (_, reference) = known.entry(key).or_insert_with(|| {
            // Held, so that no other one gets the same address meanwhile.
            (event.audience.clone(), sets.refer(&event.audience))
        });
        event.audience = reference.clone();
    }
    sets
}

/// Stores the sets that are new, and notes that the others are in use.
pub(super) async fn store(
    tx: &mut SqliteConnection,
    sets: &Sets,
    at: EventId,
) -> Result<(), StoreError> {
    for (set, users) in sets.iter() {
        let last: Option<(i64,)> = sqlx::query_as("select last_id from audiences where id = $1")
            .bind(set.as_str())
            .fetch_optional(&mut *tx)
            .await?;
        match last {
            Some((last,)) if last > micros(at) - SLACK => {}
            Some(_) => {
                sqlx::query("update audiences set last_id = $2 where id = $1")
                    .bind(set.as_str())
                    .bind(micros(at))
                    .execute(&mut *tx)
                    .await?;
            }
            None => {
                sqlx::query("insert into audiences (id, last_id, users) values ($1, $2, $3)")
                    .bind(set.as_str())
                    .bind(micros(at))
                    .bind(serde_json::to_string(users)?)
                    .execute(&mut *tx)
                    .await?;
            }
        }
    }
    Ok(())
}

/// Removes sets that no event refers to any more, now that the log begins after `floor`.
pub(super) async fn prune(tx: &mut SqliteConnection, floor: i64) -> Result<(), StoreError> {
    sqlx::query("delete from audiences where last_id <= $1")
        .bind(floor - SLACK)
        .execute(tx)
        .await?;
    Ok(())
}

/// Has old events refer to sets, which name everybody themselves since before there were any.
pub(super) async fn convert(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let (mut at, until): (i64, i64) =
        sqlx::query_as("select max(floor, inline_after), inline_until from log")
            .fetch_one(&mut *connection)
            .await?;
    let mut rewritten = 0;
    while at < until {
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
        let rows = named(&mut tx, at, until).await?;
        // None left: the rest refers already, or never named many.
        at = rows.last().map_or(until, |(event, _)| *event);
        rewritten += rows.len();
        for (event, audience) in rows {
            let mut sets = Sets::default();
            let reference = sets.refer(&audience);
            store(&mut tx, &sets, id(event)).await?;
            sqlx::query("update events set audience = $2 where id = $1")
                .bind(event)
                .bind(serde_json::to_string(&reference)?)
                .execute(&mut *tx)
                .await?;
        }
        sqlx::query("update log set inline_after = $1").bind(at).execute(&mut *tx).await?;
        tx.commit().await?;
        if rewritten > 0 {
            tracing::info!(up_to = %id(at), rewritten, "rewriting the log of an earlier version");
        }
    }
    Ok(())
}

/// The next events that name many themselves, as many as are worth a transaction.
async fn named(
    tx: &mut SqliteConnection,
    after: i64,
    until: i64,
) -> Result<Vec<(i64, Arc<Audience>)>, StoreError> {
    let mut rows = sqlx::query_as::<_, (i64, String)>(
        "select id, audience from events where id > $1 and id <= $2 \
         and json_array_length(audience, '$.users') > 2 order by id limit $3",
    )
    .bind(after)
    .bind(until)
    .bind(CHUNK)
    .fetch(tx);
    let (mut named, mut bytes) = (Vec::new(), 0);
    while let Some((event, audience)) = rows.try_next().await? {
        bytes += audience.len();
        named.push((event, serde_json::from_str(&audience)?));
        if bytes > CHUNK_BYTES {
            break;
        }
    }
    Ok(named)
}

/// The users of sets.
pub(super) async fn read(
    connection: &mut SqliteConnection,
    wanted: &HashSet<SetId>,
) -> Result<Sets, StoreError> {
    let mut sets = Sets::default();
    if wanted.is_empty() {
        return Ok(sets);
    }
    let rows: Vec<(String, String)> = sqlx::query_as(
        "select audiences.id, users from json_each($1) as wanted \
         cross join audiences on audiences.id = wanted.value",
    )
    .bind(serde_json::to_string(wanted)?)
    .fetch_all(connection)
    .await?;
    for (set, users) in rows {
        let set: SetId = serde_json::from_value(set.into())?;
        sets.insert(set, serde_json::from_str(&users)?);
    }
    Ok(sets)
}

/// Whether a user is in a set; nobody is in one that is lost.
pub(super) async fn contain(
    connection: &mut SqliteConnection,
    set: &SetId,
    user: &str,
) -> Result<bool, StoreError> {
    // Where the name does not even occur, which is found out fast, nothing is parsed.
    let (is_in,): (bool,) = sqlx::query_as(
        "select exists (select 1 from audiences, json_each(users, '$.users') as one \
         where audiences.id = $1 and instr(users, $2) > 0 and one.value = $3)",
    )
    .bind(set.as_str())
    .bind(serde_json::to_string(user)?)
    .bind(user)
    .fetch_one(connection)
    .await?;
    Ok(is_in)
}

#[cfg(test)]
mod tests {
    use std::{path::Path, time::Duration};

    use common::Clock;

    use super::*;
    use crate::{
        config::Durability,
        store::{SqliteStore, Store},
    };

    async fn open(folder: &Path) -> SqliteStore {
        SqliteStore::open(&folder.join("realtalk.db"), Durability::Relaxed, Clock::default())
            .await
            .unwrap()
    }

    async fn execute(store: &SqliteStore, statements: &[&'static str]) {
        let mut writer = store.writer.acquire().await.unwrap();
        for statement in statements {
            sqlx::query(*statement).execute(&mut *writer).await.unwrap();
        }
    }

    async fn count(store: &SqliteStore, statement: &'static str) -> i64 {
        sqlx::query_scalar(statement).fetch_one(&store.readers).await.unwrap()
    }

    #[tokio::test]
    async fn the_log_of_an_earlier_version_is_rewritten_and_says_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).await;
        execute(
            &store,
            &[
                "with recursive n(i) as (select 1 union all select i + 1 from n where i < 2500) \
                 insert into events (id, type, audience, data) \
                 select i, 'message', case i % 3 \
                 when 0 then '{\"users\":[\"a\",\"b\",\"c\"]}' \
                 when 1 then '{\"users\":[\"a\",\"b\"]}' \
                 else '{\"room\":\"public\"}' end, '{}' from n",
                "update log set last_id = 2500, inline_until = 2500",
            ],
        )
        .await;
        store.close().await;
        drop(store);
        let store = open(folder.path()).await;
        assert_eq!(
            count(&store, "select count(*) from events where audience like '%\"c\"%'").await,
            0
        );
        assert_eq!(count(&store, "select count(*) from audiences").await, 1);
        assert_eq!(count(&store, "select inline_after from log").await, 2_500);
        let page = store.events_after(EventId::ZERO, 5_000).await.unwrap().unwrap();
        let events = page.batch.resolve(|_| None).unwrap().events;
        assert_eq!(events.len(), 2_500);
        for event in events {
            let expected = match event.id.micros() % 3 {
                0 => Audience::Users(["a", "b", "c"].map(str::to_owned).to_vec()),
                1 => Audience::Users(["a", "b"].map(str::to_owned).to_vec()),
                _ => Audience::Room("public".to_owned()),
            };
            assert_eq!(*event.audience, expected, "{}", event.id);
        }
    }

    #[tokio::test]
    async fn pages_are_bounded_with_their_sets_which_go_when_the_last_event_has() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).await;
        // A set of 100 kB for each event.
        execute(
            &store,
            &[
                "with recursive n(i) as (select 1 union all select i + 1 from n where i < 100) \
                 insert into audiences (id, last_id, users) select 'set ' || i, i * 7200000000, \
                 json_object('users', json_array('of ' || i, hex(zeroblob(50000)))) from n",
                "with recursive n(i) as (select 1 union all select i + 1 from n where i < 100) \
                 insert into events (id, type, audience, data) select i * 7200000000, 'message', \
                 json_object('set', 'set ' || i), '{}' from n",
                "update log set last_id = 720000000000",
            ],
        )
        .await;
        let (mut after, mut seen, mut pages) = (EventId::ZERO, 0, 0);
        while after.micros() < 720_000_000_000 {
            let page = store.events_after(after, 1_000).await.unwrap().unwrap();
            let bytes = serde_json::to_vec(&page).unwrap().len();
            assert!(bytes < 5 * 1024 * 1024, "{bytes} bytes");
            (after, seen, pages) = (page.batch.end(), seen + page.batch.events.len(), pages + 1);
            page.batch.resolve(|_| None).unwrap();
        }
        assert_eq!((seen, pages), (100, 3), "pages are as full as they may be");
        // Up to the fiftieth, but for what may be needed a while longer.
        execute(&store, &["insert into moments (at, last_id) values (0, 360000000000)"]).await;
        let before = EventId::from_micros(50 * 7_200_000_000).unwrap();
        assert_eq!(store.prune(Duration::from_secs(86_400), 1_000).await.unwrap(), 50);
        assert_eq!(count(&store, "select count(*) from audiences").await, 51);
        assert!(
            store
                .events_after(before, 1_000)
                .await
                .unwrap()
                .unwrap()
                .batch
                .resolve(|_| None)
                .is_ok()
        );
    }
}
