//! Clients that take nothing, and clients that go.

use std::{
    io::ErrorKind,
    time::{Duration, Instant},
};

use crate::{
    history,
    process::Pair,
    scale::{Scale, heavy},
    stream::Follow,
    wire::Dial,
};

/// No heartbeat that fails finds out that somebody has left.
const NO_HEARTBEAT: (&str, &str) = ("HEARTBEAT_SECS", "3600");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_never_reads_harms_nobody_and_is_closed() {
    const HEALTHY: usize = 20;
    const STALL: Duration = Duration::from_secs(2);
    let _turn = heavy().await;
    let pair = Pair::start(&[("STALL_SECS", "2")]).await;
    let (board, port) = (pair.board(), pair.notification.port());
    let healthy = Follow::crowd("healthy", HEALTHY, port, &board).await;
    let stalled = Dial { receive_buffer: Some(4_096), ..Dial::events(port) };
    let stalled = stalled.granted().await;
    pair.wait_streams(HEALTHY + 1).await;
    let started = Instant::now();
    // Far more than the system and the service keep for one client.
    let large = "x".repeat(3_900);
    let posted = board.post_many(&large, 100, 8).await;
    for subscriber in &healthy {
        subscriber.reach(posted.len() as u64).await;
    }
    let delivered = started.elapsed();
    pair.wait_streams(HEALTHY).await;
    let closed = started.elapsed();
    eprintln!("slow: all delivered after {delivered:?}, the slow one closed after {closed:?}");
    assert!(closed >= STALL, "it did not have the time that it may take");
    // Those who read did not notice.
    let stored = board.all().await;
    let seen: Vec<_> = healthy.iter().map(|subscriber| subscriber.seen()).collect();
    history::check(&posted, &stored, &seen).unwrap();
    for subscriber in &healthy {
        assert_eq!(subscriber.state().connects, 1);
        assert!(subscriber.state().resets.is_empty());
    }
    drop(stalled);
}

#[tokio::test]
async fn a_client_that_closes_its_connection_has_left() {
    let pair = Pair::start(&[NO_HEARTBEAT]).await;
    let port = pair.notification.port();
    let mut leaving = Dial::events(port).granted().await;
    let _staying = Dial::events(port).granted().await;
    leaving.find(|block| block.is("ready")).await;
    pair.wait_streams(2).await;
    leaving.finish().await;
    pair.wait_streams(1).await;
}

#[tokio::test]
async fn a_client_whose_connection_is_reset_has_left() {
    let pair = Pair::start(&[NO_HEARTBEAT]).await;
    let port = pair.notification.port();
    let mut leaving = Dial::events(port).granted().await;
    let _staying = Dial::events(port).granted().await;
    leaving.find(|block| block.is("ready")).await;
    pair.wait_streams(2).await;
    leaving.abort();
    pair.wait_streams(1).await;
}

#[tokio::test]
async fn a_slow_client_that_reads_after_all_resumes_without_a_hole() {
    let pair = Pair::start(&[("STALL_SECS", "3600"), ("BACKLOG_EVENTS", "20")]).await;
    let (board, port) = (pair.board(), pair.notification.port());
    let slow = Dial { receive_buffer: Some(4_096), ..Dial::events(port) };
    let mut slow = slow.granted().await;
    let large = "x".repeat(3_900);
    let posted = board.post_many(&large, 150, 8).await;
    // It fell behind by more than it may: it gets what was under way, and the stream ends.
    let (rest, end) = slow.until_end().await;
    // A shard cuts it, since its full socket takes no more; actix still delivers a goodbye.
    if Scale::read().is_portable() {
        end.unwrap();
        assert!(rest.last().unwrap().is("closing"));
    } else {
        assert_eq!(end.unwrap_err().kind(), ErrorKind::UnexpectedEof);
    }
    let got = rest.iter().filter(|block| block.is_message()).count();
    assert!(got < posted.len(), "it was not slow");
    let ids = rest.iter().filter(|block| block.is_message());
    let ids: Vec<_> = ids.map(|block| block.id.clone().unwrap()).collect();
    let mut again = Dial::after(port, ids.last().unwrap()).granted().await;
    for message in &posted[..got] {
        assert_eq!(message.id, ids[message.seq as usize - 1]);
    }
    for message in &posted[got..] {
        let block = again.find(|block| block.is_message()).await;
        assert_eq!(block.id.as_ref(), Some(&message.id));
    }
    pair.wait_streams(1).await;
}
