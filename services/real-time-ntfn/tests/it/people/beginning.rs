//! What a user's stream begins with.

use serde_json::json;

use crate::{app::App, desk::Desk};

#[tokio::test]
async fn who_comes_without_a_cursor_first_gets_what_was_not_delivered() {
    let desk = Desk::start();
    let early = desk.direct("alice", "bob", "early");
    desk.direct("alice", "carol", "for another");
    let public = desk.post("for all");
    let late = desk.direct("alice", "bob", "late");
    let app = App::start(&desk.url(), &[]);
    let mut stream = app.stream("?user=bob&history=5").await;
    assert_eq!(stream.greeting["cursor"], late["id"]);
    assert_eq!(stream.greeting["resumed"], json!(false));
    for message in [&early, &public, &late] {
        stream.next_fact().await.assert_is(message);
    }
    // Without history only what is theirs.
    let mut stream = app.stream("?user=bob").await;
    for message in [&early, &late] {
        stream.next_fact().await.assert_is(message);
    }
    let now = desk.direct("alice", "bob", "now");
    desk.tell(&app).await;
    stream.next_fact().await.assert_is(&now);
}

#[tokio::test]
async fn what_is_posted_while_a_stream_begins_comes_once() {
    let desk = Desk::start();
    let first = desk.direct("alice", "bob", "first");
    let app = App::start(&desk.url(), &[]);
    app.stream("").await;
    // It is in what the stream begins with, but behind the cursor to go on from.
    let second = desk.direct("alice", "bob", "second");
    desk.overtake(true);
    let mut stream = app.stream("?user=bob").await;
    assert_eq!(stream.greeting["cursor"], first["id"]);
    stream.next_fact().await.assert_is(&first);
    desk.tell(&app).await;
    stream.next_fact().await.assert_is(&second);
    let third = desk.direct("alice", "bob", "third");
    desk.tell(&app).await;
    stream.next_fact().await.assert_is(&third);
}

#[tokio::test]
async fn without_the_message_service_a_user_is_not_let_in_without_their_messages() {
    let desk = Desk::start();
    let app = App::start(&desk.url(), &[]);
    desk.fail("/internal/opening", true);
    assert_eq!(app.get("/events?user=bob").await.refusal(), (503, "upstream".to_owned()));
    assert_eq!(app.get("/events?history=5").await.refusal(), (503, "upstream".to_owned()));
    app.stream("").await;
}

#[tokio::test]
async fn more_than_a_stream_can_begin_with_is_a_reset() {
    let desk = Desk::start();
    for n in 0..5_001 {
        desk.direct("alice", "bob", &n.to_string());
    }
    let app = App::start(&desk.url(), &[]);
    let mut stream = app.stream("?user=bob&history=50").await;
    let reset = stream.next_fact().await;
    assert_eq!(reset.event.as_deref(), Some("reset"));
    assert_eq!(reset.data.unwrap()["reason"], json!("too_far"));
    let now = desk.post("now");
    desk.tell(&app).await;
    stream.next_fact().await.assert_is(&now);
}

#[tokio::test]
async fn who_returns_gets_the_receipts_since() {
    let desk = Desk::start();
    let first = desk.direct("alice", "bob", "first");
    let receipt = |read: u64| {
        json!({"type": "receipt", "conversation_id": "dm:alice:bob", "user": "bob",
            "read_seq": read, "delivered_seq": read})
    };
    desk.receipt("alice", receipt(1));
    let second = desk.direct("alice", "bob", "second");
    desk.receipt("alice", receipt(2));
    desk.receipt("carol", receipt(3));
    let app = App::start(&desk.url(), &[]);
    let after = format!("last_event_id={}", first["id"].as_str().unwrap());
    let mut stream = app.stream(&format!("?user=Alice&{after}")).await;
    assert_eq!(stream.greeting["resumed"], json!(true));
    let block = stream.next_fact().await;
    assert_eq!((block.id, block.event.as_deref()), (None, Some("receipt")));
    assert_eq!(block.data, Some(receipt(2)));
    stream.next_fact().await.assert_is(&second);

    // They are not worth a stream.
    desk.fail("/internal/receipts", true);
    let mut stream = app.stream(&format!("?user=alice&{after}")).await;
    assert_eq!(stream.greeting["resumed"], json!(true));
    stream.next_fact().await.assert_is(&second);
    assert!(app.get("/metrics").await.text().contains("realtalk_receipts_missed_total 1\n"));
    // Nobody has none.
    let asked = desk.calls("/internal/receipts");
    app.stream(&format!("?{after}")).await;
    assert_eq!(desk.calls("/internal/receipts"), asked);
}

#[tokio::test]
async fn history_comes_first_and_nothing_is_lost_or_doubled_behind_it() {
    let desk = Desk::start();
    let posted: Vec<_> = (0..10).map(|n| desk.post(&n.to_string())).collect();
    let app = App::start(&desk.url(), &[]);
    app.stream("").await;
    // The feed has not heard of this one, but the history has.
    let unheard = desk.post("unheard");
    let mut stream = app.stream("?history=3").await;
    for message in [&posted[8], &posted[9], &unheard] {
        stream.next().await.assert_is(message);
    }
    let later = desk.post("later");
    desk.tell(&app).await;
    stream.next().await.assert_is(&later);

    let mut all = app.stream("?history=200").await;
    for message in posted.iter().chain([&unheard, &later]) {
        all.next().await.assert_is(message);
    }
    // An empty header is what a browser sends before it has an id.
    app.stream_with("last-event-id", "", "?history=1").await.next().await.assert_is(&later);
    let mut none = app.stream("?history=0").await;
    app.notify(&json!({"content": "now"})).await;
    assert_eq!(none.contents(1).await, [json!("now")]);
}
