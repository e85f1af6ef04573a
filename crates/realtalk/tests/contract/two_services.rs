//! Two services: one takes messages and notifies, the other one streams; what they are called
//! with, and what web pages may do.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    time::timeout,
};

use crate::{
    api::{Api, text},
    deadline::PATIENCE,
    process::{Pair, Service, free_port},
    wire::{Block, Dial, Wire},
};

async fn listen(pair: &Pair) -> Wire {
    let mut wire = Dial::events(pair.notification.port()).granted().await;
    wire.find(|block| block.is("ready")).await;
    wire
}

/// `YYYYMMDDHHMMSS.ffffff`.
fn is_id(id: &str) -> bool {
    let (date, fraction) = id.split_once('.').unwrap_or_default();
    let digits =
        |part: &str, count| part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit());
    digits(date, 14) && digits(fraction, 6)
}

#[tokio::test]
async fn a_post_is_answered_and_reaches_the_stream() {
    let pair = Pair::start(&[]).await;
    let (api, mut wire) = (Api::of(&pair.message), listen(&pair).await);
    let body = json!({"content": "Hello, world!", "user": "John Doe"});
    let answer = api.post("/messages", body).await;
    assert!(answer.header("content-type").starts_with("application/json"));
    let message = answer.expect(201);
    assert_eq!(
        (&message["content"], &message["user"]),
        (&json!("Hello, world!"), &json!("John Doe"))
    );
    let (id, timestamp) = (text(&message["id"]), text(&message["timestamp"]));
    assert!(is_id(id), "{id}");
    let digits: String = timestamp.chars().filter(char::is_ascii_digit).collect();
    assert_eq!(digits, id.replace('.', ""), "an id is the time of the message: {timestamp}");
    assert!(timestamp.ends_with('Z') && timestamp.contains('T'), "{timestamp}");
    let block = wire.find(Block::is_message).await;
    assert_eq!((block.id.as_deref(), block.json()), (Some(id), message.clone()));
    // Later ids are greater, as text, too.
    let next = api.say("John Doe", "again").await;
    assert!(text(&next["id"]) > id);
}

#[tokio::test]
async fn a_message_needs_no_user() {
    let pair = Pair::start(&[]).await;
    let message = Api::of(&pair.message).post("/messages", json!({"content": "hi"})).await;
    assert!(!text(&message.expect(201)["user"]).is_empty());
}

#[tokio::test]
async fn both_are_healthy() {
    let pair = Pair::start(&[]).await;
    for service in [&pair.message, &pair.notification] {
        let answer = Api::of(service).get("/health").await;
        assert_eq!(answer.expect(200), json!({"status": "ok"}));
        assert!(answer.header("content-type").starts_with("application/json"));
    }
}

#[tokio::test]
async fn a_plain_notification_is_broadcast() {
    let pair = Pair::start(&[]).await;
    let (notification, mut wire) = (Api::of(&pair.notification), listen(&pair).await);
    let whole = json!({
        "id": "20240101120000.123456", "content": "Hello, world!", "user": "alice",
        "timestamp": "2024-01-01T12:00:00.123456Z", "type": "message",
    });
    for body in [
        whole,
        json!({"content": "with a type", "type": "message"}),
        json!({"content": "and nothing else"}),
    ] {
        let answer = notification.post("/notify", body.clone()).await;
        answer.expect(200);
        let got = wire.find(Block::is_message).await.json();
        for (field, value) in body.as_object().unwrap() {
            assert_eq!(&got[field], value, "{got}");
        }
    }
    // Another type is another event.
    let body = json!({"content": "hear, hear", "type": "announcement"});
    notification.post("/notify", body).await.expect(200);
    let block = wire.find(|block| block.is("announcement")).await;
    assert_eq!(block.json()["content"], "hear, hear");
    notification.post("/notify", json!({"content": ""})).await.refusal(422);
    notification.post("/notify", json!({})).await.refusal(422);
}

#[tokio::test]
async fn the_message_service_notifies_where_it_is_told_to_and_does_not_wait_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut service = Service::new("message-service", free_port(), folder.path());
    let address = listener.local_addr().unwrap();
    service.set("NOTIFICATION_SERVICE_URL", format!("http://{address}"));
    service.spawn();
    service.wait_ready().await;
    let message = Api::of(&service).say("alice", "hello").await;
    // Whatever is asked there first: the message comes with a POST /notify.
    let notified = async {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !is_whole(&request) {
                assert!(socket.read_buf(&mut request).await.unwrap() > 0);
            }
            let answer = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\
                          connection: close\r\n\r\n";
            // It may have given up on one that it sent long ago.
            socket.write_all(answer.as_bytes()).await.ok();
            let request = String::from_utf8(request).unwrap();
            if request.starts_with("POST /notify HTTP/1.1\r\n") && request.contains("hello") {
                return request;
            }
        }
    };
    let request = timeout(PATIENCE, notified).await.unwrap();
    let body: Value = serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
    let told = body["events"].as_array().unwrap().iter().map(|event| &event["data"]);
    assert!(told.into_iter().any(|data| *data == message), "{body}");
}

/// Whether the body is as long as the head says.
fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.is_none_or(|length| body.len() >= length.parse().unwrap())
}

#[tokio::test]
async fn pages_from_this_machine_and_from_files_may_call_and_others_may_not() {
    const ALLOW: &str = "access-control-allow-origin";
    let pair = Pair::start(&[]).await;
    let (message, notification) = (Api::of(&pair.message), Api::of(&pair.notification));
    for (origin, allowed) in [
        ("null", true),
        ("http://localhost:3000", true),
        ("http://127.0.0.1:5500", true),
        ("https://evil.example", false),
    ] {
        let shown = if allowed { origin } else { "" };
        for (api, path, methods) in
            [(&message, "/messages", "POST"), (&notification, "/events", "GET")]
        {
            let preflight = api
                .request(Method::OPTIONS, path)
                .header("origin", origin)
                .header("access-control-request-method", methods)
                .header("access-control-request-headers", "content-type");
            let answer = crate::api::Answer::read(preflight.send().await.unwrap()).await;
            assert_eq!(answer.header(ALLOW), shown, "{origin} {path}");
            assert_eq!(answer.status < 300, allowed, "{origin} {path}: {}", answer.status);
            if allowed {
                assert!(answer.header("access-control-allow-methods").contains(methods));
                let headers = answer.header("access-control-allow-headers").to_lowercase();
                assert!(headers.contains("content-type"), "{headers}");
            }
        }
        let request = message.request(Method::POST, "/messages").header("origin", origin);
        let body = json!({"content": "from a page", "user": "page"});
        let answer = request.json(&body).send().await.unwrap();
        let header = answer.headers().get(ALLOW).map_or("", |value| value.to_str().unwrap());
        assert_eq!(header, shown, "{origin}");
        let stream = notification.request(Method::GET, "/events").header("origin", origin);
        let answer = stream.send().await.unwrap();
        assert_eq!(answer.status().is_success(), allowed, "{origin}");
        let header = answer.headers().get(ALLOW).map_or("", |value| value.to_str().unwrap());
        assert_eq!(header, shown, "{origin}");
    }
}

#[tokio::test]
async fn posts_are_taken_while_nobody_can_be_notified() {
    let mut pair = Pair::start(&[]).await;
    let api = Api::of(&pair.message);
    pair.notification.kill();
    let message = api.say("alice", "for later").await;
    pair.notification.spawn();
    pair.notification.wait_ready().await;
    let dial =
        Dial { target: "/events?history=1".into(), ..Dial::events(pair.notification.port()) };
    let mut wire = dial.granted().await;
    assert_eq!(wire.find(Block::is_message).await.json(), message);
}

/// A page of anybody can ask, also with an image: names must not come of that.
#[tokio::test]
async fn a_question_makes_nobody_known() {
    let pair = Pair::start(&[]).await;
    let (api, notification) = (Api::of(&pair.message), Api::of(&pair.notification));
    notification.get("/presence?user=ghost").await.expect(200);
    notification.get("/presence?user=ghost&users=alice").await.expect(200);
    assert_eq!(api.get("/users/ghost").await.status, 404);
    // Who follows can be addressed.
    let dial =
        Dial { target: "/events?user=ghost".to_owned(), ..Dial::events(pair.notification.port()) };
    let _stream = dial.granted().await;
    api.get("/users/ghost").await.expect(200);
}
