//! How old the log is, and what of it is too old.
//!
//! Ids are an order and no dates: where the clock was ahead once, all later ones are ahead of it. So it
//! is noted every few minutes how far the log has come, and what is pruned is what had come so far by
//! then.

use std::time::Duration;

use common::Moment;

use super::{
    Keeping, StoreError, audiences,
    database::{Connection, id, moment, since_1970, values},
    write::HEAD,
};

/// So long after the last note there is nothing between that can be believed: the service was off, or the
/// clock has leapt. Then all that was noted counts as noted now, and stays for another while.
const GAP: Duration = Duration::from_secs(86_400);

/// A clock that says less has not been set yet.
const UNSET: Moment = Moment::from_micros(1_767_225_600_000_000);

/// Notes how far the log has come by now; not if the clock is behind the last note, or the last sign-out, for
/// then one of the two is wrong. With `sure` it was that one, dated by a clock that was ahead: whatever is
/// dated later than now counts as dated now.
pub(super) async fn keep_time(
    connection: &mut Connection<'_>,
    now: Moment,
    sure: bool,
) -> Result<Keeping, StoreError> {
    let mut tx = connection.begin().await?;
    lock(&mut tx).await?;
    let (head, last, signed_out): (i64, Option<i64>, Option<i64>) = tx
        .one(
            "select last_id, (select max(at) from moments), \
         (select max(signed_out_at) from users where signed_out_at is not null) from log",
            values![],
        )
        .await?;
    let (last, signed_out) = (last.map(moment), signed_out.map(moment));
    let is_behind = last.max(signed_out).is_some_and(|latest| now < latest);
    let keeping = Keeping { now, head: id(head), is_behind };
    if now < UNSET || is_behind && !sure {
        return Ok(keeping);
    }
    let mut statements = Vec::new();
    if is_behind {
        statements.push("delete from moments where at > $1");
        // Else nobody could sign in with a new token of an outside issuer's until then.
        statements.push("update users set signed_out_at = $1 where signed_out_at > $1");
    }
    statements.push(
        "insert into moments (at, last_id) select $1, last_id from log where true \
             on conflict (at) do update set last_id = excluded.last_id",
    );
    if last.is_some_and(|last| now.since(last) > GAP) {
        statements.push("delete from moments where at < $1");
    }
    for statement in statements {
        tx.execute(statement, values![since_1970(now)]).await?;
    }
    // But for the last one, those from before the log begins have nothing to say.
    tx.execute(
        "delete from moments where at < \
         (select max(at) from moments where last_id <= (select floor from log))",
        values![],
    )
    .await?;
    tx.commit().await?;
    Ok(Keeping { is_behind: false, ..keeping })
}

/// As whoever commits does: whatever writes several rows takes its turn.
async fn lock(tx: &mut Connection<'_>) -> Result<(), StoreError> {
    let _head: (i64,) = tx.one(HEAD, values![]).await?;
    Ok(())
}

/// Removes events that were there at a time, the oldest first.
pub(super) async fn prune(
    connection: &mut Connection<'_>,
    before: Moment,
    limit: u32,
) -> Result<u64, StoreError> {
    let mut tx = connection.begin().await?;
    lock(&mut tx).await?;
    let (floor, removed): (Option<i64>, i64) = tx
        .one(
            "select max(id), count(*) from (select id from events where id <= \
             (select last_id from moments where at <= $1 order by at desc limit 1) \
             order by id limit $2) as old",
            values![since_1970(before), limit],
        )
        .await?;
    if let Some(floor) = floor {
        tx.execute("delete from events where id <= $1", values![floor]).await?;
        tx.execute("update log set floor = $1", values![floor]).await?;
        audiences::prune(&mut tx, floor).await?;
    }
    tx.commit().await?;
    Ok(removed as u64)
}

#[cfg(test)]
mod tests {
    use std::{path::Path, time::Duration};

    use common::{Clock, EventId, Moment};

    use crate::{
        chat::{
            change::{Answer, Change, Operation},
            message::Message,
            post::{Claim, Post, Sender, Target},
            username::Username,
        },
        config::{Database, Durability},
        store::{Keeping, Store, Window},
    };

    const DAY: i64 = 86_400;
    const WEEK: Duration = Duration::from_secs(7 * 86_400);

    /// A store by a clock that can be set.
    async fn open(folder: &Path) -> (Store, Clock) {
        let clock = Clock::default();
        let path = folder.join("realtalk.db");
        (
            Store::open(&Database::File(path), Durability::Relaxed, clock.clone()).await.unwrap(),
            clock,
        )
    }

    async fn carry_out(store: &Store, operation: Operation) -> Answer {
        let committed = store.commit(&[operation]).await.unwrap();
        committed.outcomes.into_iter().next().unwrap().unwrap()
    }

    /// Somebody comes whom an outside issuer vouches for.
    async fn welcome(store: &Store) {
        let change = Change::Welcome { name: Username::parse("al").unwrap(), vouched: true };
        carry_out(store, Operation::Change(Box::new(change))).await;
    }

    async fn sign_out(store: &Store) {
        let change = Change::EndSessions { user: Username::parse("al").unwrap().to_ref() };
        carry_out(store, Operation::Change(Box::new(change))).await;
    }

    async fn signed_out_at(store: &Store) -> Option<Moment> {
        store.account("al").await.unwrap().unwrap().signed_out_at
    }

    async fn post(store: &Store) -> Message {
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
        assert!(after.id.micros() - ahead.id.micros() <= 1_000_001, "right behind");
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

    /// Lets the clock go on by half a day at a time, noting how far the log has come.
    async fn pass(store: &Store, clock: &Clock, from: i64, to: i64) {
        for half in 2 * from + 1..=2 * to {
            clock.set_ahead(half * DAY / 2);
            assert!(!store.keep_time(false).await.unwrap().is_behind);
        }
    }

    async fn prune(store: &Store, limit: u32) -> u64 {
        store.prune(WEEK, limit).await.unwrap()
    }

    #[tokio::test]
    async fn what_is_old_is_pruned_though_the_clock_was_ahead() {
        let folder = tempfile::tempdir().unwrap();
        let (store, clock) = open(folder.path()).await;
        clock.set_ahead(3_650 * DAY);
        let old = [post(&store).await.id, post(&store).await.id];
        store.keep_time(false).await.unwrap();
        clock.set_ahead(0);
        assert!(store.keep_time(false).await.unwrap().is_behind, "one of the two is wrong");
        let Keeping { head, is_behind, .. } = store.keep_time(true).await.unwrap();
        assert_eq!((head, is_behind, prune(&store, 10).await), (old[1], false, 0));
        pass(&store, &clock, 0, 6).await;
        assert_eq!(prune(&store, 10).await, 0);
        let newer = post(&store).await.id;
        pass(&store, &clock, 6, 8).await;
        assert_eq!(prune(&store, 1).await, 1, "a chunk at a time");
        assert_eq!((prune(&store, 10).await, prune(&store, 10).await), (1, 0));
        let page = store.events_after(old[1], 10).await.unwrap().unwrap();
        assert_eq!((page.floor, page.batch.end()), (old[1], newer));
        assert!(store.events_after(old[0], 10).await.unwrap().is_err());
        pass(&store, &clock, 8, 30).await;
        assert_eq!(prune(&store, 10).await, 1);
        pass(&store, &clock, 30, 31).await;
        let (moments,): (i64,) = sqlx::query_as("select count(*) from moments")
            .fetch_one(store.pools.readers.sqlite())
            .await
            .unwrap();
        assert_eq!(moments, 1, "of a log with nothing in it");
    }

    #[tokio::test]
    async fn a_clock_that_is_wrong_for_a_while_prunes_nothing_and_lets_nobody_in() {
        let folder = tempfile::tempdir().unwrap();
        let (store, clock) = open(folder.path()).await;
        welcome(&store).await;
        sign_out(&store).await;
        let known = signed_out_at(&store).await;
        store.keep_time(false).await.unwrap();
        // As a machine starts that has no clock of its own; a month behind; years ahead, and back.
        for (ahead, sure) in [(-2_000_000_000, true), (-30 * DAY, false), (3_650 * DAY, false)] {
            clock.set_ahead(ahead);
            store.keep_time(sure).await.unwrap();
            assert_eq!(prune(&store, 10).await, 0, "{ahead}");
            assert_eq!(signed_out_at(&store).await, known, "{ahead}");
        }
        clock.set_ahead(0);
        store.keep_time(true).await.unwrap();
        assert_eq!((prune(&store, 10).await, signed_out_at(&store).await), (0, known));
    }

    #[tokio::test]
    async fn ids_of_a_lost_log_are_not_handed_out_again_though_they_are_ahead_of_the_clock() {
        let folder = tempfile::tempdir().unwrap();
        let (store, clock) = open(folder.path()).await;
        clock.set_ahead(DAY);
        post(&store).await;
        store.close().await;
        drop(store);
        let copy = folder.path().join("copy.db");
        std::fs::copy(folder.path().join("realtalk.db"), &copy).unwrap();
        let mut ids = Vec::new();
        for _ in 0..2 {
            std::fs::copy(&copy, folder.path().join("realtalk.db")).unwrap();
            let (store, _) = open(folder.path()).await;
            ids.extend([post(&store).await.id, post(&store).await.id]);
            store.close().await;
        }
        assert!(ids[0].next() == ids[1] && ids[2].next() == ids[3], "they leap once: {ids:?}");
        assert!(ids[0].micros().abs_diff(ids[2].micros()) > 1, "{ids:?}");
    }

    #[tokio::test]
    async fn a_sign_out_while_the_clock_was_ahead_does_not_last_until_then() {
        let folder = tempfile::tempdir().unwrap();
        let (store, clock) = open(folder.path()).await;
        welcome(&store).await;
        clock.set_ahead(3_650 * DAY);
        sign_out(&store).await;
        clock.set_ahead(0);
        store.keep_time(false).await.unwrap();
        let now = store.keep_time(true).await.unwrap().now;
        assert_eq!(signed_out_at(&store).await, Some(now));
        clock.set_ahead(DAY);
        store.keep_time(false).await.unwrap();
        assert_eq!(signed_out_at(&store).await, Some(now), "nothing else is changed");
        assert_ne!(store.head().await.unwrap(), EventId::ZERO);
    }
}
