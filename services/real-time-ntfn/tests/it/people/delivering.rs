//! What the message service is told about deliveries.

use common::EventId;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{app::App, desk::Desk, socket::Socket, stream::Stream};

fn id(message: &Value) -> EventId {
    message["id"].as_str().unwrap().parse().unwrap()
}

async fn resume(app: &App, user: &str, after: &Value) {
    let query = format!("?user={user}&acks=true");
    app.stream_with("last-event-id", &id(after).to_string(), &query).await;
}

#[tokio::test]
async fn who_returns_has_received_what_lies_before_their_cursor() {
    let desk = Desk::start();
    let (first, second) = (desk.direct("alice", "bob", "1"), desk.direct("alice", "bob", "2"));
    let app = App::start(&desk.url(), &[]);
    desk.fail("/internal/delivered", true);
    resume(&app, "Bob", &first).await;
    resume(&app, "carol", &first).await;
    let asked = |desk: &Desk| desk.calls("/internal/delivered");
    desk.eventually("a report", |desk| asked(desk) >= 2).await;
    // What cannot be reported is kept, and merged with what comes.
    resume(&app, "bob", &second).await;
    resume(&app, "bob", &first).await;
    desk.fail("/internal/delivered", false);
    desk.eventually("bob's", |desk| desk.delivered("bob") == Some(id(&second))).await;
    assert_eq!(desk.delivered("carol"), Some(id(&first)));
    assert_eq!(desk.delivered("alice"), None);
    let metrics = app.get("/metrics").await;
    let failures =
        metrics.text().lines().find(|line| line.starts_with("realtalk_delivery_failures_total"));
    assert!(!failures.unwrap().ends_with(" 0"));

    // A cursor that nobody was given says nothing about what came before it.
    app.stream_with("last-event-id", "29990101000000.000000", "?user=dave").await;
    app.stream_with("last-event-id", "nonsense", "?user=dave").await;
    drop(app);
    assert_eq!(desk.delivered("dave"), None);
}

#[tokio::test]
async fn a_service_that_stops_reports_what_is_left() {
    let desk = Desk::start();
    let first = desk.direct("alice", "bob", "1");
    let app = App::start(&desk.url(), &[]);
    desk.fail("/internal/delivered", true);
    resume(&app, "bob", &first).await;
    desk.eventually("a report", |desk| desk.calls("/internal/delivered") >= 3).await;
    desk.fail("/internal/delivered", false);
    drop(app);
    assert_eq!(desk.delivered("bob"), Some(id(&first)));
}

#[tokio::test]
async fn a_report_that_is_too_large_for_a_proxy_is_told_in_parts() {
    let desk = Desk::start();
    let first = desk.direct("alice", "bob", "1");
    let app = App::start(&desk.url(), &[]);
    desk.fail("/internal/delivered", true);
    let users: Vec<_> = (0..20).map(|n| format!("user-{n}")).collect();
    for user in &users {
        resume(&app, user, &first).await;
    }
    desk.take_at_most("/internal/delivered", 200);
    desk.fail("/internal/delivered", false);
    for user in &users {
        desk.eventually(user, |desk| desk.delivered(user) == Some(id(&first))).await;
    }
    // Whoever is too much even alone does not hold up the others.
    desk.take_at_most("/internal/delivered", 100);
    resume(&app, &"x".repeat(64), &first).await;
    resume(&app, "bob", &first).await;
    desk.eventually("bob's", |desk| desk.delivered("bob") == Some(id(&first))).await;
}

#[tokio::test]
async fn a_stream_of_direct_messages_delivers_no_others() {
    let desk = Desk::start();
    let group = desk.group("alice", "bob", "to a group");
    let app = App::start(&desk.url(), &[("HEARTBEAT_SECS", "1")]);
    let chat = |header: &'static str, value: String| {
        let request = app.request(Method::GET, "/sse/chat?userId=bob").header(header, value);
        Stream::open(request)
    };
    // Some come first, some are live, and some lie before the cursor of who returns.
    let first = desk.direct("alice", "bob", "first");
    let mut stream = chat("accept-language", "en".to_owned()).await;
    let direct = |desk: &Desk| desk.delivered_direct("bob");
    desk.eventually("the first", |desk| direct(desk) == Some(id(&first))).await;
    let live = desk.direct("alice", "bob", "live");
    let last = desk.group("alice", "bob", "to a group again");
    desk.tell(&app).await;
    desk.eventually("the live one", |desk| direct(desk) == Some(id(&live))).await;
    // As a whole: `connected`, and the two.
    let mut ids = vec![];
    while ids.last() != Some(&id(&live).to_string()) {
        ids.extend(stream.block().await.unwrap().id);
    }
    assert!(!ids.contains(&id(&last).to_string()));
    let _returning = chat("last-event-id", id(&last).to_string()).await;
    desk.eventually("the cursor", |desk| direct(desk) == Some(id(&last))).await;
    drop((stream, app));
    assert_eq!(desk.delivered("bob"), None);
    assert!(id(&group) < id(&first));
}

#[tokio::test]
async fn a_stream_of_direct_messages_has_no_named_events() {
    let desk = Desk::start();
    let first = desk.direct("alice", "bob", "first");
    let read = json!({"type": "receipt", "conversation_id": "dm:alice:bob", "user": "alice",
        "read_seq": 1, "delivered_seq": 1});
    desk.receipt("bob", read);
    let second = desk.direct("alice", "bob", "second");
    let app = App::start(&desk.url(), &[]);
    for (cursor, kind) in [(first["id"].as_str().unwrap(), ""), ("nonsense", "reset")] {
        let request = app.request(Method::GET, "/sse/chat?userId=bob");
        let mut stream = Stream::open(request.header("last-event-id", cursor)).await;
        let mut last = stream.block().await.unwrap();
        // Up to the cursor at the end of it.
        while last.id.as_deref() != second["id"].as_str() {
            last = stream.block().await.unwrap();
            assert_eq!(last.event, None, "{last:?}");
            let said = last.data.clone().unwrap_or_default();
            assert!(!kind.is_empty() || said["type"] != "reset", "{said}");
        }
    }
}

#[tokio::test]
async fn who_says_their_name_later_acknowledges_as_they_said_before() {
    let desk = Desk::start();
    let message = desk.direct("alice", "bob", "psst");
    let app = App::start(&desk.url(), &[("HEARTBEAT_SECS", "1"), ("WS_PING_SECS", "1")]);
    for (query, delivered) in [("?history=0&acks=true", None), ("?history=0", Some(id(&message)))] {
        let mut socket = Socket::open(&app, query).await;
        socket.say_json(&json!({"username": "bob"})).await;
        while socket.next().await != message {}
        // What carol gets is reported with what bob has got before, or after it.
        let other = desk.direct("alice", "carol", "psst");
        let _carol = app.stream("?user=carol").await;
        let reported = |desk: &Desk| {
            desk.delivered("carol") >= Some(id(&other)) && desk.delivered("bob") >= delivered
        };
        // A client answers pings for as long as it listens.
        let listen = async {
            loop {
                socket.next().await;
            }
        };
        tokio::select! {
            () = desk.eventually("carol's, and his", reported) => {}
            () = listen => {}
        }
        assert_eq!(desk.delivered("bob"), delivered, "{query}");
    }
}
