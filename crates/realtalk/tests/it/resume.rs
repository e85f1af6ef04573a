//! Subscribers that come back.

use std::time::Duration;

use crate::{
    board::Board,
    history::{self, Message},
    load::Load,
    process::Pair,
    proxy::Proxy,
    scale::{Scale, heavy},
    stream::Follow,
    wire::{Block, Dial, Wire},
};

/// The next `count` messages of a stream, on which nothing may have been reset.
async fn messages(wire: &mut Wire, count: usize) -> Vec<Message> {
    let mut messages = Vec::new();
    while messages.len() < count {
        let block = wire.find(|block| block.is_message() || block.is("reset")).await;
        assert!(!block.is("reset"), "{block:?}");
        messages.push(serde_json::from_value(block.json()).unwrap());
    }
    messages
}

/// Reads up to `ready`, and says whether the stream was resumed.
async fn is_resumed(wire: &mut Wire) -> bool {
    let ready = wire.find(|block| block.is("ready")).await;
    ready.json()["resumed"].as_bool().unwrap()
}

/// Posts while nobody is there, lets `meanwhile` happen, and comes back.
async fn come_back(settings: &[(&str, &str)], meanwhile: impl AsyncFnOnce(&mut Pair)) {
    let mut pair = Pair::start(settings).await;
    let (board, port) = (pair.board(), pair.notification.port());
    let mut wire = Dial::events(port).granted().await;
    wire.find(|block| block.is("ready")).await;
    let known = board.post_many("before", 20, 4).await;
    assert_eq!(messages(&mut wire, 20).await, known);
    drop(wire);
    let missed = board.post_many("away", 300, 8).await;
    meanwhile(&mut pair).await;
    let mut wire = Dial::after(port, &known[19].id).granted().await;
    assert!(is_resumed(&mut wire).await);
    assert_eq!(messages(&mut wire, 300).await, missed);
    let live = board.post_many("back", 5, 1).await;
    assert_eq!(messages(&mut wire, 5).await, live);
}

#[tokio::test]
async fn a_subscriber_gets_exactly_what_it_missed() {
    come_back(&[], async |_| {}).await;
}

#[tokio::test]
async fn a_subscriber_gets_what_it_missed_from_a_restarted_notification_service() {
    come_back(&[], async |pair| {
        pair.notification.kill();
        pair.notification.spawn();
        pair.wait_ready().await;
    })
    .await;
}

#[tokio::test]
async fn a_subscriber_gets_what_it_missed_after_both_services_were_restarted() {
    come_back(&[], async |pair| {
        pair.notification.kill();
        pair.message.kill();
        pair.notification.spawn();
        pair.message.spawn();
        pair.wait_ready().await;
    })
    .await;
}

#[tokio::test]
async fn a_subscriber_gets_from_the_log_what_the_ring_no_longer_holds() {
    come_back(&[("RING_EVENTS", "50")], async |_| {}).await;
}

#[tokio::test]
async fn a_subscriber_that_is_too_far_behind_is_reset_and_heals() {
    let _turn = heavy().await;
    let pair = Pair::start(&[("RING_EVENTS", "20")]).await;
    let (board, port) = (pair.board(), pair.notification.port());
    let first = board.post("alice", "first", "first").await;
    board.post_many("away", 5_050, 64).await;
    let subscriber = Follow::after("late", port, &board, &first).start().await;
    subscriber.wait("is reset", |state| !state.resets.is_empty()).await;
    let live = board.post_many("live", 10, 1).await;
    subscriber.reach(live[9].seq).await;
    assert_eq!(subscriber.state().resets, ["too_far"]);
    let stored = board.all().await;
    assert_eq!(stored.len(), 5_061);
    history::check(&live, &stored, &[subscriber.seen()]).unwrap();
}

#[tokio::test]
async fn a_cursor_that_nobody_was_given_is_reset() {
    let pair = Pair::start(&[]).await;
    let (board, port) = (pair.board(), pair.notification.port());
    let last = board.post("alice", "hello", "hello").await;
    for cursor in ["20991231235959.000000", "garbage", "12345", "{\"a\":1}", "%00"] {
        let mut wire = Dial::after(port, cursor).granted().await;
        let reset = wire.find(|block| block.is("reset")).await.json();
        assert_eq!(reset["reason"], "unknown", "{cursor}");
        assert_eq!(reset["cursor"], last.id, "{cursor}");
    }
    let query = Dial { target: "/events?last_event_id=garbage".to_owned(), ..Dial::events(port) };
    let mut wire = query.granted().await;
    assert_eq!(wire.find(|block| block.is("reset")).await.json()["reason"], "unknown");
    let next = board.post("alice", "again", "again").await;
    assert_eq!(messages(&mut wire, 1).await, [next]);
}

fn busy(board: &Board, seed: u64) -> Load {
    Load::start(board, 6, Duration::from_millis(2), seed)
}

/// Takes cursors from lists while others post, and follows each.
async fn follow_lists(pair: &Pair, rounds: usize) {
    let seed = Scale::read().seed("list cursor");
    let (board, port) = (pair.board(), pair.notification.port());
    let load = busy(&board, seed);
    board.post("alice", "first", "first").await;
    for round in 0..rounds {
        let (list, _, cursor) = board.page("limit=5").await.unwrap();
        let mut wire = Dial::after(port, &cursor).granted().await;
        assert!(is_resumed(&mut wire).await, "round {round}, {cursor}");
        let last = list.last().unwrap();
        let mut next = last.seq + 1;
        for message in messages(&mut wire, 5).await {
            // What was posted between the cursor and the list is in both.
            if message.id > last.id {
                assert_eq!(message.seq, next, "round {round}, {cursor}");
                next += 1;
            }
        }
    }
    load.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_from_a_list_continues_the_list_while_others_post() {
    let _turn = heavy().await;
    let pair = Pair::start(&[]).await;
    follow_lists(&pair, 200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_from_a_list_is_known_even_if_it_overtakes_the_events() {
    let _turn = heavy().await;
    // Some come while they are waited for, and some are fetched before.
    for delay in [20, 80] {
        let mut pair = Pair::new(&[]);
        let slow = Proxy::delaying(pair.notification.port(), Duration::from_millis(delay)).await;
        pair.message.set("NOTIFICATION_SERVICE_URL", slow.url());
        pair.message.spawn();
        pair.notification.spawn();
        pair.wait_ready().await;
        follow_lists(&pair, 25).await;
    }
}

fn history_of(port: u16, count: usize) -> Dial {
    Dial { target: format!("/events?history={count}"), ..Dial::events(port) }
}

#[tokio::test]
async fn history_is_exactly_the_last_messages_and_then_what_comes() {
    let pair = Pair::start(&[]).await;
    let (board, port) = (pair.board(), pair.notification.port());
    let posted = board.post_many("old", 120, 8).await;
    for count in [1, 50, 100, 120, 200] {
        let mut wire = history_of(port, count).granted().await;
        let expected = &posted[posted.len().saturating_sub(count)..];
        assert_eq!(messages(&mut wire, expected.len()).await, expected);
    }
    let mut wire = history_of(port, 3).granted().await;
    assert_eq!(messages(&mut wire, 3).await, posted[117..]);
    let live = board.post_many("live", 4, 1).await;
    assert_eq!(messages(&mut wire, 4).await, live);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_joins_the_live_stream_without_a_seam_while_others_post() {
    const HISTORY: usize = 40;
    let _turn = heavy().await;
    let seed = Scale::read().seed("history");
    let pair = Pair::start(&[]).await;
    let (board, port) = (pair.board(), pair.notification.port());
    board.post_many("old", HISTORY, 8).await;
    let load = busy(&board, seed);
    for round in 0..60 {
        // A list may show what its sender has not been answered yet: only what was is known to all.
        let acknowledged = board.post_many("known", 1, 1).await;
        let mut wire = history_of(port, HISTORY).granted().await;
        let ready: Block = wire.find(|block| block.is("ready")).await;
        let cursor = ready.json()["cursor"].as_str().unwrap().to_owned();
        let got = messages(&mut wire, HISTORY + 20).await;
        for pair in got.windows(2) {
            assert_eq!(pair[0].seq + 1, pair[1].seq, "round {round}");
        }
        // The last ones at some moment after that.
        let (newest, known) = (got[0].seq + HISTORY as u64 - 1, acknowledged[0].seq);
        assert!(newest >= known, "round {round}: too old, {newest} < {known}");
        let old = got.iter().filter(|message| message.id <= cursor).count();
        assert!(old <= HISTORY, "round {round}: {old} messages of history");
    }
    load.stop().await;
}
