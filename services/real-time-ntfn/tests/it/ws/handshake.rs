//! How a socket opens, what it begins with, and how it ends.

use serde_json::json;
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

use crate::{app::App, desk::Desk, patience::PATIENCE, socket::Socket, upstream::Upstream};

#[tokio::test]
async fn a_socket_begins_like_a_stream_and_has_history() {
    let upstream = Upstream::start();
    let posted = [upstream.post("one").await, upstream.post("two").await];
    let app = App::start(&upstream.url(), &[]);
    let mut socket = Socket::open(&app, "?client_id=phone").await;
    assert_eq!(socket.greeting["client_id"], "phone");
    assert!(socket.greeting["cursor"].as_str() < posted[0]["id"].as_str());
    assert_eq!(socket.greeting["resumed"], json!(false));
    for message in &posted {
        assert_eq!(&socket.next().await, message);
    }
    assert_eq!(socket.next().await, json!({"type": "cursor", "cursor": posted[1]["id"]}));
    app.notify(&json!({"content": "now"})).await;
    assert_eq!(socket.next().await["content"], "now");
    let mut without = Socket::open(&app, "?history=0").await;
    without.assert_quiet().await;
    let mut after = Socket::open(&app, "?last_event_id=19700101000000.000000").await;
    assert_eq!(after.greeting["resumed"], json!(true));
    assert_eq!(&after.next().await, &posted[0]);
}

#[tokio::test]
async fn what_is_no_handshake_is_refused() {
    let upstream = Desk::start();
    let app = App::start(&upstream.url(), &[]);
    app.stream("").await;
    let answer = app.get("/ws").await;
    assert_eq!(answer.refusal(), (400, "websocket_expected".to_owned()));
    let refused = async |query, headers: &[(&'static str, &str)]| {
        let answer = Socket::try_open(&app, query, headers).await.err().unwrap();
        answer.status().as_u16()
    };
    assert_eq!(refused("", &[("sec-websocket-version", "12")]).await, 426);
    assert_eq!(refused("", &[("sec-websocket-key", "short")]).await, 400);
    assert_eq!(refused("", &[("origin", "https://evil.example")]).await, 403);
    assert_eq!(refused("?rooms=nowhere", &[]).await, 404);
    assert_eq!(refused("?history=201", &[]).await, 400);
    let page = [("origin", "http://localhost:8080")];
    assert!(Socket::try_open(&app, "", &page).await.is_ok());
}

#[tokio::test]
async fn without_a_place_a_client_is_told_to_come_back() {
    let upstream = Upstream::start();
    let app = App::start(&upstream.url(), &[("MAX_STREAMS", "1")]);
    let _only = app.stream("").await;
    let mut socket = Socket::try_open(&app, "", &[]).await.ok().unwrap();
    assert_eq!(socket.closed().await.0, 1013);
}

#[tokio::test]
async fn a_goodbye_is_answered_and_the_place_is_free() {
    let upstream = Upstream::start();
    let app = App::start(&upstream.url(), &[]);
    let mut socket = Socket::open(&app, "").await;
    let metrics = app.get("/metrics").await;
    assert!(metrics.text().contains("transport=\"ws\"} 1"), "{}", metrics.text());
    let close = CloseFrame { code: CloseCode::Library(3_456), reason: "bye".into() };
    socket.send(Message::Close(Some(close))).await;
    assert_eq!(socket.closed().await.0, 3_456);
    assert!(socket.frame().await.is_none());
    app.eventually("/metrics", |answer| answer.text().contains("realtalk_streams 0\n")).await;
}

#[tokio::test]
async fn a_client_that_leaves_without_a_word_is_noticed() {
    let upstream = Upstream::start();
    let app = App::start(&upstream.url(), &[]);
    drop(Socket::open(&app, "").await);
    app.eventually("/metrics", |answer| answer.text().contains("realtalk_streams 0\n")).await;
}

#[tokio::test]
async fn a_server_that_stops_says_so() {
    let upstream = Upstream::start();
    let app = App::start(&upstream.url(), &[]);
    let mut socket = Socket::open(&app, "").await;
    app.stop();
    assert_eq!(socket.closed().await.0, 1012);
}

#[tokio::test]
async fn a_client_is_pinged_and_let_go_when_it_does_not_answer() {
    let upstream = Upstream::start();
    let app = App::start(&upstream.url(), &[("WS_PING_SECS", "1")]);
    let mut socket = Socket::open(&app, "").await;
    // Reading answers.
    for _ in 0..4 {
        assert!(matches!(socket.frame().await, Some(Message::Ping(_))));
    }
    // Raw reading does not.
    let mut buffer = Vec::new();
    let reading = tokio::io::AsyncReadExt::read_to_end(socket.raw(), &mut buffer);
    tokio::time::timeout(PATIENCE, reading).await.unwrap().unwrap();
    // The answer to the last ping may still be with the client.
    let pings = buffer.chunks(6).take_while(|frame| frame[..2] == [0x89, 4]).count();
    assert!((1..=2).contains(&pings), "{buffer:?}");
    assert_eq!(buffer[6 * pings + 2..][..2], 1001_u16.to_be_bytes(), "{buffer:?}");
}
