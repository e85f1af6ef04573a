//! How old the log is, and what of it is too old.
//!
//! Ids are an order and no dates: where the clock was ahead once, all later ones are ahead of it. So it
//! is noted every few minutes how far the log has come, and what is pruned is what had come so far by
//! then.

use common::Moment;
use sqlx::{Connection, SqliteConnection};

use super::{audiences, id, since_1970};
use crate::store::{Keeping, StoreError};

/// Notes how far the log has come by now. Whatever is dated later than that was dated by a clock that
/// was ahead: it counts as dated now.
pub(super) async fn keep_time(
    connection: &mut SqliteConnection,
    now: Moment,
) -> Result<Keeping, StoreError> {
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    let (head,): (i64,) = sqlx::query_as("select last_id from log").fetch_one(&mut *tx).await?;
    for statement in [
        "delete from moments where at > $1",
        "insert or replace into moments (at, last_id) select $1, last_id from log",
        // Else nobody could sign in with a new token of an outside issuer's until then.
        "update users set signed_out_at = $1 where signed_out_at > $1",
    ] {
        sqlx::query(statement).bind(since_1970(now)).execute(&mut *tx).await?;
    }
    tx.commit().await?;
    Ok(Keeping { now, head: id(head) })
}

/// Removes events that were there at a time, the oldest first.
pub(super) async fn prune(
    connection: &mut SqliteConnection,
    before: Moment,
    limit: u32,
) -> Result<u64, StoreError> {
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    let (floor, removed): (Option<i64>, i64) = sqlx::query_as(
        "select max(id), count(*) from (select id from events where id <= \
         (select last_id from moments where at <= $1 order by at desc limit 1) order by id limit $2)",
    )
    .bind(since_1970(before))
    .bind(limit)
    .fetch_one(&mut *tx)
    .await?;
    if let Some(floor) = floor {
        sqlx::query("delete from events where id <= $1").bind(floor).execute(&mut *tx).await?;
        sqlx::query("update log set floor = $1").bind(floor).execute(&mut *tx).await?;
        audiences::prune(&mut tx, floor).await?;
        // But for the last one, those from before the log begins have nothing to say.
        sqlx::query(
            "delete from moments where at < \
             (select max(at) from moments where at <= $1 and last_id <= $2)",
        )
        .bind(since_1970(before))
        .bind(floor)
        .execute(&mut *tx)
        .await?;
    }
    tx.commit().await?;
    Ok(removed as u64)
}

#[cfg(test)]
mod tests {
    use std::{path::Path, time::Duration};

    use common::{Clock, EventId};

    use crate::{
        chat::{
            change::{Answer, Change, Operation},
            message::Message,
            post::{Claim, Post, Sender, Target},
            username::Username,
        },
        config::Durability,
        store::{SqliteStore, Store, Window},
    };

    const DAY: i64 = 86_400;
    const WEEK: Duration = Duration::from_secs(7 * 86_400);

    /// A store by a clock that can be set.
    async fn open(folder: &Path) -> (SqliteStore, Clock) {
        let clock = Clock::default();
        let path = folder.join("realtalk.db");
        (SqliteStore::open(&path, Durability::Relaxed, clock.clone()).await.unwrap(), clock)
    }

    async fn carry_out(store: &SqliteStore, operation: Operation) -> Answer {
        let committed = store.commit(&[operation]).await.unwrap();
        committed.outcomes.into_iter().next().unwrap().unwrap()
    }

    async fn post(store: &SqliteStore) -> Message {
        let post = Post {
            sender: Sender { name: Username::parse("al").unwrap(), claim: Claim::Said },
            target: Target::Conversation("public".to_owned()),
            content: "hello".to_owned(),
            reply_to: None,
            client_msg_id: None,
            origin: None,
        };
        let Answer::Posted(message) = carry_out(store, Operation::Post(post)).await else {
            panic!("not posted");
        };
        message
    }

    #[tokio::test]
    async fn the_order_is_the_ids_and_the_time_is_the_clocks() {
        let folder = tempfile::tempdir().unwrap();
        let (store, clock) = open(folder.path()).await;
        let before = post(&store).await;
        clock.set_ahead(3_650 * DAY);
        let ahead = post(&store).await;
        store.close().await;
        drop(store);
        let (store, clock) = open(folder.path()).await;
        let after = post(&store).await;
        assert!(before.id < ahead.id && ahead.id < after.id);
        assert_eq!(after.id, ahead.id.next());
        assert!(before.timestamp <= after.timestamp && after.timestamp < ahead.timestamp);
        // A century ahead is no time at all; and what is said then is said when the clock says.
        clock.set_ahead(36_500 * DAY);
        let absurd = post(&store).await;
        assert!(absurd.id == after.id.next() && absurd.timestamp > ahead.timestamp);
        clock.set_ahead(0);
        let last = post(&store).await;
        assert!(last.id > absurd.id && last.timestamp < ahead.timestamp);
        let page = store.page(None, "public", Window::Newest, 10).await.unwrap().unwrap();
        assert_eq!(page.messages, [before, ahead, after, absurd, last]);
    }

    #[tokio::test]
    async fn what_is_old_is_pruned_though_the_clock_was_ahead() {
        let folder = tempfile::tempdir().unwrap();
        let (store, clock) = open(folder.path()).await;
        clock.set_ahead(3_650 * DAY);
        let old = [post(&store).await.id, post(&store).await.id];
        store.keep_time().await.unwrap();
        clock.set_ahead(0);
        assert_eq!(store.keep_time().await.unwrap().head, old[1]);
        assert_eq!(store.prune(WEEK, 10).await.unwrap(), 0, "it has just been said");
        clock.set_ahead(6 * DAY);
        store.keep_time().await.unwrap();
        let newer = post(&store).await.id;
        clock.set_ahead(7 * DAY + 1);
        store.keep_time().await.unwrap();
        assert_eq!(store.prune(WEEK, 1).await.unwrap(), 1, "a chunk at a time");
        assert_eq!(store.prune(WEEK, 10).await.unwrap(), 1);
        assert_eq!(store.prune(WEEK, 10).await.unwrap(), 0);
        let page = store.events_after(old[1], 10).await.unwrap().unwrap();
        assert_eq!((page.floor, page.batch.end()), (old[1], newer));
        assert!(store.events_after(old[0], 10).await.unwrap().is_err());
        clock.set_ahead(15 * DAY);
        assert_eq!(store.prune(WEEK, 10).await.unwrap(), 1);
        let (moments,): (i64,) =
            sqlx::query_as("select count(*) from moments").fetch_one(&store.readers).await.unwrap();
        assert_eq!(moments, 1);
    }

    #[tokio::test]
    async fn a_sign_out_while_the_clock_was_ahead_does_not_last_until_then() {
        let folder = tempfile::tempdir().unwrap();
        let (store, clock) = open(folder.path()).await;
        let name = Username::parse("al").unwrap();
        let welcome = Change::Welcome { name: name.clone(), vouched: true };
        carry_out(&store, Operation::Change(Box::new(welcome))).await;
        clock.set_ahead(3_650 * DAY);
        let sign_out = Change::EndSessions { user: name.to_ref() };
        carry_out(&store, Operation::Change(Box::new(sign_out))).await;
        clock.set_ahead(0);
        let signed_out_at = async || store.account("al").await.unwrap().unwrap().signed_out_at;
        let now = store.keep_time().await.unwrap().now;
        assert_eq!(signed_out_at().await, Some(now));
        clock.set_ahead(DAY);
        store.keep_time().await.unwrap();
        assert_eq!(signed_out_at().await, Some(now), "nothing else is changed");
        assert_ne!(store.head().await.unwrap(), EventId::ZERO);
    }
}
