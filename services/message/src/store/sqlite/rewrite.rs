//! What is rewritten once in the database of an earlier version, because SQL cannot.

use super::convert;
use crate::{
    chat::emoji,
    store::{
        StoreError,
        database::{Connection, values},
        looks,
    },
};

/// Names in one transaction.
const CHUNK: u32 = 1_000;

/// The last of these: protected names have looks, and reactions one form for each emoji.
const LATEST: i64 = 1;

/// Rewrites what is left. Interrupted, it begins anew, and does nothing twice.
pub(super) async fn run(connection: &mut Connection<'_>) -> Result<(), StoreError> {
    convert::run(connection).await?;
    let (done,): (i64,) = connection.one("select rewritten from log", values![]).await?;
    if done >= LATEST {
        return Ok(());
    }
    look_at_names(connection).await?;
    unite_reactions(connection).await?;
    connection.execute("update log set rewritten = $1", values![LATEST]).await?;
    Ok(())
}

async fn look_at_names(connection: &mut Connection<'_>) -> Result<(), StoreError> {
    let (mut after, mut count) = (String::new(), 0);
    loop {
        let mut tx = connection.begin().await?;
        let names: Vec<(String, String)> = tx
            .all(
                "select key, name from users where key > $1 and deactivated_at is null \
             and (password_hash is not null or vouched) order by key limit $2",
                values![&after, CHUNK],
            )
            .await?;
        let Some((last, _)) = names.last() else {
            break;
        };
        after.clone_from(last);
        let named: Vec<_> = names.iter().map(|(key, name)| (key.as_str(), name.as_str())).collect();
        looks::protect(&mut tx, &named).await?;
        tx.commit().await?;
        count += names.len();
        tracing::info!(count, "looking at the names of an earlier version");
    }
    Ok(())
}

async fn unite_reactions(connection: &mut Connection<'_>) -> Result<(), StoreError> {
    let used: Vec<(String,)> =
        connection.all("select distinct emoji from reactions", values![]).await?;
    for (written,) in used {
        let meant = emoji::canonical(&written);
        if meant == written {
            continue;
        }
        let mut tx = connection.begin().await?;
        tx.execute(
            "insert or ignore into reactions (message_id, emoji, user_key, user, created_at) \
             select message_id, $2, user_key, user, created_at from reactions where emoji = $1",
            values![&written, &meant],
        )
        .await?;
        tx.execute("delete from reactions where emoji = $1", values![&written]).await?;
        tx.commit().await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use common::Clock;

    use crate::{
        chat::username::Username,
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

    #[tokio::test]
    async fn what_an_earlier_version_wrote_has_looks_and_one_form_for_an_emoji() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).await;
        let mut writer = store.pools.writer.sqlite().acquire().await.unwrap();
        for statement in [
            "insert into users (key, name, display_name, kind, password_hash, created_at) \
         values ('alice', 'Alice', 'Alice', 'member', 'x', 1), ('aiice', 'AIice', 'A', \
         'guest', null, 1), ('bob', 'bob', 'bob', 'guest', null, 1)",
            "insert into messages (id, conversation_id, seq, sender, sender_key, content) \
             values (5, 'public', 1, 'bob', 'bob', 'hi')",
            "insert into reactions (message_id, emoji, user_key, user, created_at) values \
             (5, '👍', 'alice', 'Alice', 1), (5, '👍\u{fe0f}', 'alice', 'Alice', 2), \
             (5, '👍\u{fe0f}', 'bob', 'bob', 3), (5, '❤', 'bob', 'bob', 4)",
            "update log set rewritten = 0",
        ] {
            sqlx::query(statement).execute(&mut *writer).await.unwrap();
        }
        drop(writer);
        store.close().await;
        drop(store);
        let store = open(folder.path()).await;
        for (key, is_lookalike) in
            [("alice", false), ("AIice", true), ("a1ice", true), ("bob", false)]
        {
            let name = Username::parse(key).unwrap();
            assert_eq!(
                store.is_lookalike(name.key(), &[name.as_str()]).await.unwrap(),
                is_lookalike,
                "{key}"
            );
        }
        let counts: Vec<(String, i64)> =
            sqlx::query_as("select emoji, count from reaction_counts order by count")
                .fetch_all(store.pools.readers.sqlite())
                .await
                .unwrap();
        assert_eq!(counts, [("❤\u{fe0f}".to_owned(), 1), ("👍".to_owned(), 2)]);
    }
}
