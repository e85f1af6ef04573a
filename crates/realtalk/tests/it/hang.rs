//! A service that hangs, and the other one.

use std::time::{Duration, Instant};

use crate::{board::Board, history, process::Pair, scale::heavy, stream::Follow, wire::Dial};

/// More than the relay's queue holds: one of them would meet it full.
const POSTS: u32 = 100;

/// How long a service waits for the other one to answer.
const ANSWER: Duration = Duration::from_secs(5);

/// Posts one after the other, each taken at the first try; returns how long the slowest took.
async fn slowest_post(board: &Board, prefix: &str) -> Duration {
    let mut slowest = Duration::ZERO;
    for number in 0..POSTS {
        let (key, started) = (format!("{prefix}-{number}"), Instant::now());
        let (status, _) = board.try_post("alice", &key, &key).await.unwrap();
        assert_eq!(status, 201);
        slowest = slowest.max(started.elapsed());
    }
    slowest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn posts_do_not_wait_for_a_notification_service_that_hangs() {
    let _turn = heavy().await;
    let pair = Pair::start(&[]).await;
    let (board, port) = (pair.board(), pair.notification.port());
    let subscriber = Follow::live("subscriber", port, &board).start().await;
    let before = slowest_post(&board, "before").await;
    pair.notification.stop();
    let hanging = slowest_post(&board, "meanwhile").await;
    // More than the relay's queue and one push take.
    let many = board.post_many("many", 3_000, 32).await;
    let after_many = slowest_post(&board, "still").await;
    pair.notification.resume();
    eprintln!("hang: the slowest post took {before:?}, then {hanging:?} and {after_many:?}");
    // One that waited for a push would take as long as a push that nobody answers.
    let most = (ANSWER / 2).max(before * 20);
    assert!(hanging < most && after_many < most, "posts wait");
    let stored = board.all().await;
    subscriber.reach(stored.len() as u64).await;
    history::check(&many, &stored, &[subscriber.seen()]).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_do_not_need_a_message_service_that_hangs() {
    let _turn = heavy().await;
    let pair = Pair::start(&[("HEARTBEAT_SECS", "1")]).await;
    let (board, port) = (pair.board(), pair.notification.port());
    let subscriber = Follow::live("subscriber", port, &board).start().await;
    let posted = board.post_many("before", 50, 4).await;
    subscriber.reach(50).await;
    pair.message.stop();
    let beats = subscriber.state().heartbeats;
    // Long enough for the feed to miss the other one, and to try again.
    subscriber.wait("hears heartbeats", |state| state.heartbeats >= beats + 13).await;
    let mut returning = Dial::after(port, &posted[9].id).granted().await;
    for message in &posted[10..] {
        let block = returning.find(|block| block.is_message()).await;
        assert_eq!(block.id.as_ref(), Some(&message.id));
    }
    let mut new = Dial::events(port).granted().await;
    let ready = new.find(|block| block.is("ready")).await;
    assert_eq!(ready.json()["cursor"], posted[49].id);
    pair.message.resume();
    board.post("alice", "after", "after").await;
    subscriber.reach(51).await;
    assert_eq!(subscriber.state().connects, 1);
    new.find(|block| block.is_message()).await;
    let stored = board.all().await;
    history::check(&posted, &stored, &[subscriber.seen()]).unwrap();
}
