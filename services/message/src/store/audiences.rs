//! Sets of users that events refer to.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use common::{
    Audience, Event, EventId,
    audience::{SetId, Sets},
};

use super::{
    StoreError,
    database::{Connection, Sql, either, list, micros, values},
};

/// How far the note of a set's last use may be behind, in microseconds: it is not written with every
/// message.
const SLACK: i64 = 3_600 * 1_000_000;

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
    tx: &mut Connection<'_>,
    sets: &Sets,
    at: EventId,
) -> Result<(), StoreError> {
    for (set, users) in sets.iter() {
        let last: Option<(i64,)> = tx
            .optional("select last_id from audiences where id = $1", values![set.as_str()])
            .await?;
        match last {
            Some((last,)) if last > micros(at) - SLACK => {}
            Some(_) => {
                tx.execute(
                    "update audiences set last_id = $2 where id = $1",
                    values![set.as_str(), micros(at)],
                )
                .await?;
            }
            None => {
                tx.execute(
                    "insert into audiences (id, last_id, users) values ($1, $2, $3)",
                    values![set.as_str(), micros(at), &serde_json::to_string(users)?],
                )
                .await?;
            }
        }
    }
    Ok(())
}

/// Removes sets that no event refers to any more, now that the log begins after `floor`.
pub(super) async fn prune(tx: &mut Connection<'_>, floor: i64) -> Result<(), StoreError> {
    tx.execute("delete from audiences where last_id <= $1", values![floor - SLACK]).await?;
    Ok(())
}

/// The users of sets.
pub(super) async fn read(
    connection: &mut Connection<'_>,
    wanted: &HashSet<SetId>,
) -> Result<Sets, StoreError> {
    let mut sets = Sets::default();
    if wanted.is_empty() {
        return Ok(sets);
    }
    let rows: Vec<(String, String)> = connection
        .all(
            "select audiences.id, users from json_each($1) as wanted \
         cross join audiences on audiences.id = wanted.value ->> 0",
            values![&list(wanted)?],
        )
        .await?;
    for (set, users) in rows {
        let set: SetId = serde_json::from_value(set.into())?;
        sets.insert(set, serde_json::from_str(&users)?);
    }
    Ok(sets)
}

// Where the name does not even occur, which is found out fast, nothing is parsed.
const CONTAINS: Sql = either(
    "select exists (select 1 from audiences, json_each(users, '$.users') as one \
     where audiences.id = $1 and instr(users, $2) > 0 and one.value = $3)",
    "select exists (select 1 from audiences where id = $1 and strpos(users, $2) > 0 \
     and jsonb_exists(users::jsonb -> 'users', $3))",
);

/// Whether a user is in a set; nobody is in one that is lost.
pub(super) async fn contain(
    connection: &mut Connection<'_>,
    set: &SetId,
    user: &str,
) -> Result<bool, StoreError> {
    let (is_in,): (bool,) = connection
        .one(CONTAINS, values![set.as_str(), &serde_json::to_string(user)?, user])
        .await?;
    Ok(is_in)
}

#[cfg(test)]
mod tests {
    use std::{path::Path, time::Duration};

    use common::Clock;

    use super::*;
    use crate::{
        config::{Database, Durability},
        store::Store,
    };

    async fn open(folder: &Path) -> Store {
        Store::open(
            &Database::File(folder.join("realtalk.db")),
            Durability::Relaxed,
            Clock::default(),
        )
        .await
        .unwrap()
    }

    async fn execute(store: &Store, statements: &[&'static str]) {
        let mut writer = store.pools.writer.sqlite().acquire().await.unwrap();
        for statement in statements {
            sqlx::query(*statement).execute(&mut *writer).await.unwrap();
        }
    }

    async fn count(store: &Store, statement: &'static str) -> i64 {
        sqlx::query_scalar(statement).fetch_one(store.pools.readers.sqlite()).await.unwrap()
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
