//! What is rewritten once in the database of an earlier version, because SQL cannot.

use sqlx::{Connection, SqliteConnection};

use super::{audiences, looks};
use crate::{chat::emoji, store::StoreError};

/// Names in one transaction.
const CHUNK: u32 = 1_000;

/// The last of these: protected names have looks, and reactions one form for each emoji.
const LATEST: i64 = 1;

/// Rewrites what is left. Interrupted, it begins anew, and does nothing twice.
pub(super) async fn run(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    audiences::convert(connection).await?;
    let (done,): (i64,) =
        sqlx::query_as("select rewritten from log").fetch_one(&mut *connection).await?;
    if done >= LATEST {
        return Ok(());
    }
    look_at_names(connection).await?;
    unite_reactions(connection).await?;
    sqlx::query("update log set rewritten = $1").bind(LATEST).execute(connection).await?;
    Ok(())
}

async fn look_at_names(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let (mut after, mut count) = (String::new(), 0);
    loop {
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
        let names: Vec<(String, String)> = sqlx::query_as(
            "select key, name from users where key > $1 and deactivated_at is null \
             and (password_hash is not null or vouched) order by key limit $2",
        )
        .bind(&after)
        .bind(CHUNK)
        .fetch_all(&mut *tx)
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

async fn unite_reactions(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let used: Vec<(String,)> =
        sqlx::query_as("select distinct emoji from reactions").fetch_all(&mut *connection).await?;
    for (written,) in used {
        let meant = emoji::canonical(&written);
        if meant == written {
            continue;
        }
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query(
            "insert or ignore into reactions (message_id, emoji, user_key, user, created_at) \
             select message_id, $2, user_key, user, created_at from reactions where emoji = $1",
        )
        .bind(&written)
        .bind(&meant)
        .execute(&mut *tx)
        .await?;
        sqlx::query("delete from reactions where emoji = $1")
            .bind(&written)
            .execute(&mut *tx)
            .await?;
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
        config::Durability,
        store::{SqliteStore, Store},
    };

    async fn open(folder: &Path) -> SqliteStore {
        SqliteStore::open(&folder.join("realtalk.db"), Durability::Relaxed, Clock::default())
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn what_an_earlier_version_wrote_has_looks_and_one_form_for_an_emoji() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).await;
        let mut writer = store.writer.acquire().await.unwrap();
        for statement in [
            "insert into users (key, name, display_name, kind, password_hash, created_at) values \
             ('alice', 'Alice', 'Alice', 'member', 'x', 1), ('aiice', 'AIice', 'A', 'guest', null, 1), \
             ('bob', 'bob', 'bob', 'guest', null, 1)",
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
                .fetch_all(&store.readers)
                .await
                .unwrap();
        assert_eq!(counts, [("❤\u{fe0f}".to_owned(), 1), ("👍".to_owned(), 2)]);
    }
}
