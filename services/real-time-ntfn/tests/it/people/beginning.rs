//! What a user's stream begins with.

use common::EventId;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    app::{App, connections},
    desk::Desk,
    socket::Socket,
    stream::Stream,
};

/// What a client returns with that has read nothing of what begins with this message.
fn just_before(message: &Value) -> Value {
    json!(message["id"].as_str().unwrap().parse::<EventId>().unwrap().previous())
}

#[tokio::test]
async fn who_comes_without_a_cursor_first_gets_what_was_not_delivered() {
    let desk = Desk::start();
    let early = desk.direct("alice", "bob", "early");
    desk.direct("alice", "carol", "for another");
    let public = desk.post("for all");
    let late = desk.direct("alice", "bob", "late");
    let app = App::start(&desk.url(), &[]);
    // What is written to this one does not count as delivered: the next one begins with it again.
    let mut stream = app.stream("?user=bob&history=5&acks=true").await;
    assert_eq!(stream.greeting["cursor"], just_before(&early));
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
async fn history_is_read_once_for_all_who_come_meanwhile() {
    let (desk, path) = (Desk::start(), "/internal/opening");
    let early = desk.post("early");
    let app = App::start(&desk.url(), &[]);
    let opened = |query: &'static str| {
        let app = &app;
        async move { app.stream(query).await }
    };
    desk.hold(path, true);
    let crowd = join_all((0..30).map(|n| opened(["?history=50", "?user=bob&history=3"][n % 2])));
    let late = async {
        desk.eventually("the first is asked for", |desk| desk.calls(path) == 1).await;
        // Posted when the first one has been read: who comes from now on is shown it.
        let posted = desk.post("posted meanwhile");
        desk.tell(&app).await;
        let stream = async {
            let stream = opened("?history=1").await;
            (stream, posted)
        };
        let release = async {
            // All have come by then, and who asks this.
            app.eventually("/metrics", |metrics| connections(metrics) >= 32).await;
            desk.hold(path, false);
        };
        tokio::join!(stream, release).0
    };
    let (crowd, (mut late, posted)) = tokio::join!(crowd, late);
    late.next_fact().await.assert_is(&posted);
    for mut stream in crowd {
        for message in [&early, &posted] {
            stream.next_fact().await.assert_is(message);
        }
    }
    // One that was begun before all had come, and one for the others.
    assert!((2..=3).contains(&desk.calls(path)), "{}", desk.calls(path));
}

#[tokio::test]
async fn nothing_more_is_asked_for_somebody_for_whom_nothing_waits() {
    let desk = Desk::start();
    let app = App::start(&desk.url(), &[]);
    app.stream("?user=bob").await;
    assert_eq!((desk.asked_about(), desk.calls("/internal/opening")), (1, 0));
    let waits = desk.direct("alice", "bob", "waits for bob");
    desk.tell(&app).await;
    app.stream("?user=bob").await.next_fact().await.assert_is(&waits);
    assert_eq!(desk.calls("/internal/opening"), 1);
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
    stream.next_fact().await.assert_is(&first);
    assert_eq!(json!(stream.cursor().await), first["id"]);
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
    desk.direct("alice", "bob", "waits for bob");
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
async fn what_is_missed_is_held_in_memory_up_to_some_mebibytes() {
    let desk = Desk::start();
    let first = desk.post("first");
    for _ in 0..100 {
        desk.post(&"x".repeat(60_000));
    }
    let app = App::start(&desk.url(), &[("RING_EVENTS", "10")]);
    let after = first["id"].as_str().unwrap();
    let mut stream = app.stream_with("last-event-id", after, "").await;
    let reset = stream.next_fact().await;
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
    let after = first["id"].as_str().unwrap();
    let mut stream = app.stream_with("last-event-id", after, "?user=Alice").await;
    assert_eq!(stream.greeting["resumed"], json!(true));
    let block = stream.next_fact().await;
    assert_eq!((block.id, block.event.as_deref()), (None, Some("receipt")));
    assert_eq!(block.data, Some(receipt(2)));
    stream.next_fact().await.assert_is(&second);

    // They are not worth a stream.
    desk.fail("/internal/receipts", true);
    let mut stream = app.stream(&format!("?user=alice&last_event_id={after}")).await;
    assert_eq!(stream.greeting["resumed"], json!(true));
    stream.next_fact().await.assert_is(&second);
    assert!(app.get("/metrics").await.text().contains("realtalk_receipts_missed_total 1\n"));
    // Nobody has none.
    let asked = desk.calls("/internal/receipts");
    app.stream_with("last-event-id", after, "").await;
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

/// What is left of a beginning that was cut off: the ids of what was read, and what a browser
/// returns with.
struct Cut {
    read: Vec<Value>,
    cursor: Option<String>,
}

/// All places at which a beginning of so many blocks can be cut off.
async fn cuts(app: &App, query: &str, blocks: usize) -> Vec<Cut> {
    let mut cuts = Vec::new();
    for length in 0..=blocks {
        let request = app.request(Method::GET, &format!("/events{query}"));
        let mut stream = Stream::open(request).await;
        let mut cut = Cut { read: vec![], cursor: None };
        for _ in 0..length {
            let block = stream.block().await.unwrap();
            cut.cursor = block.id.clone().or(cut.cursor);
            cut.read.extend(block.data.filter(|data| data["type"] == "message"));
        }
        cuts.push(cut);
    }
    cuts
}

/// Comes back as a browser does, and reads up to something new.
async fn come_back(app: &App, desk: &Desk, query: &str, mut cut: Cut) -> Vec<Value> {
    let header = cut.cursor.unwrap_or_default();
    let mut stream = app.stream_with("last-event-id", &header, query).await;
    let last = desk.post("last");
    desk.tell(app).await;
    loop {
        let block = stream.next_fact().await;
        assert_ne!(block.event.as_deref(), Some("reset"), "nothing is missing");
        let data = block.data.unwrap();
        if data == last {
            return cut.read;
        }
        if data["type"] == "message" && !cut.read.contains(&data) {
            cut.read.push(data);
        }
    }
}

#[tokio::test]
async fn a_beginning_that_is_cut_off_anywhere_loses_and_acknowledges_nothing() {
    // Whether it has public messages, and whether it begins in the middle.
    for (query, public, listed) in [
        ("?user=bob", false, false),
        ("?user=bob&acks=true", false, false),
        ("?user=bob&history=5", true, false),
        ("?user=bob", true, true),
    ] {
        let desk = Desk::start();
        // What is written counts as delivered, so that only the first cut would begin with it.
        desk.fail("/internal/delivered", true);
        let early = desk.direct("alice", "bob", "early");
        let middle = desk.post("middle");
        let late = desk.direct("alice", "bob", "late");
        let end = desk.post("end");
        let (query, first) = if listed {
            let cursor = middle["id"].as_str().unwrap();
            (format!("{query}&last_event_id={cursor}"), vec![early, late, end])
        } else if public {
            (query.to_owned(), vec![early, middle, late, end])
        } else {
            (query.to_owned(), vec![early, late])
        };
        let app = App::start(&desk.url(), &[]);
        // Besides these there is the opening, `ready`, and a cursor.
        for cut in cuts(&app, &query, first.len() + 3).await {
            let Some(cursor) = cut.cursor.clone() else {
                continue;
            };
            for message in &first {
                let is_before = message["id"].as_str().unwrap() <= cursor.as_str();
                assert!(!is_before || cut.read.contains(message), "{query} {cursor} {message}");
            }
            let known = come_back(&app, &desk, &query, cut).await;
            assert!(first.iter().all(|message| known.contains(message)), "{query} {cursor}");
        }
    }
}

#[tokio::test]
async fn an_old_beginning_leaves_no_old_cursor_behind() {
    let desk = Desk::start();
    let old = desk.direct("alice", "bob", "old");
    let newest = desk.post("newest");
    let app = App::start(&desk.url(), &[]);
    let mut stream = app.stream("?user=bob").await;
    stream.next_fact().await.assert_is(&old);
    assert_eq!(json!(stream.cursor().await), newest["id"]);
    let mut socket = Socket::open(&app, "?username=bob&history=1").await;
    // The stream may have delivered the old one by now.
    let mut frame = socket.next().await;
    while frame["type"] != "cursor" {
        frame = socket.next().await;
    }
    assert_eq!(frame["cursor"], newest["id"]);
    // Nothing came first, so nothing has to be said behind it.
    let mut stream = app.stream("?user=carol").await;
    assert_eq!(stream.greeting["cursor"], newest["id"]);
    let now = desk.direct("alice", "carol", "now");
    desk.tell(&app).await;
    stream.next_fact().await.assert_is(&now);
}

#[tokio::test]
async fn a_reset_that_is_cut_off_is_said_again() {
    let desk = Desk::start();
    let newest = desk.post("newest");
    let app = App::start(&desk.url(), &[]);
    let mut stream = app.stream_with("last-event-id", "nonsense", "?user=bob").await;
    assert_eq!(stream.greeting["cursor"], json!(EventId::ZERO));
    assert_eq!(stream.opening.id.as_deref(), Some("19700101000000.000000"));
    let reset = stream.next_fact().await;
    assert_eq!(reset.event.as_deref(), Some("reset"));
    // Whoever has read it returns with the cursor that it gives.
    assert_eq!(
        (&reset.data.unwrap()["cursor"], json!(reset.id)),
        (&newest["id"], newest["id"].clone())
    );
}

#[tokio::test]
async fn a_cursor_of_a_list_delivers_nothing() {
    let desk = Desk::start();
    let message = desk.direct("alice", "bob", "before the list");
    let list = desk.post("the end of the list");
    let app = App::start(&desk.url(), &[]);
    let query = format!("?user=bob&acks=true&last_event_id={}", list["id"].as_str().unwrap());
    for _ in 0..2 {
        let mut stream = app.stream(&query).await;
        assert_eq!(stream.greeting["resumed"], json!(true));
        stream.next_fact().await.assert_is(&message);
        assert_eq!(json!(stream.cursor().await), list["id"]);
    }
    drop(app);
    assert_eq!(desk.delivered("bob"), None);
}
