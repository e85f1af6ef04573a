//! `/internal`: what the notification service reads, and nobody else.

use common::{
    Batch,
    event::LogPage,
    internal::{MAX_ASKED, MAX_BODY, MAX_REPORTED},
    signature,
};
use reqwest::Method;
use serde_json::json;

use crate::{answer::Answer, app::App};

const START: &str = "19700101000000.000000";

async fn get_with(app: &App, target: &str, signature: &str) -> Answer {
    Answer::to(app.request(Method::GET, target).header(signature::HEADER, signature)).await
}

#[tokio::test]
async fn the_log_is_read_after_a_cursor_or_from_its_end() {
    let app = App::start();
    let mut ids = Vec::new();
    for n in 1..=7 {
        ids.push(app.say(&n.to_string()).await["id"].as_str().unwrap().to_owned());
    }
    for (query, after, expected) in [
        (format!("after={START}"), START, &ids[..]),
        (format!("after={START}&limit=3"), START, &ids[..3]),
        (format!("after={START}&limit=0"), START, &ids[..1]),
        (format!("after={}&limit=100000", ids[4]), &*ids[4], &ids[5..]),
        (format!("after={}", ids[6]), &*ids[6], &[]),
        ("tail=3".to_owned(), &*ids[3], &ids[4..]),
        ("tail=7".to_owned(), START, &ids[..]),
        ("tail=8".to_owned(), START, &ids[..]),
        ("tail=4294967295".to_owned(), START, &ids[..]),
        ("tail=0".to_owned(), &*ids[6], &[]),
        ("tail=0&limit=5".to_owned(), &*ids[6], &[]),
        ("tail=5&limit=2".to_owned(), &*ids[1], &ids[2..4]),
    ] {
        let answer = app.get_signed(&format!("/internal/events?{query}")).await;
        assert_eq!(answer.status, 200, "{query} {answer:?}");
        let page: LogPage = serde_json::from_slice(&answer.body).unwrap();
        let found: Vec<_> = page.batch.events.iter().map(|event| event.id.to_string()).collect();
        assert_eq!((page.batch.after.to_string(), &found[..]), (after.to_owned(), expected));
        assert_eq!((page.floor.to_string(), page.head.to_string()), (START.into(), ids[6].clone()));
    }
}

#[tokio::test]
async fn a_log_of_large_audiences_is_read_in_pages_of_bounded_size() {
    let app = App::start();
    let names: Vec<_> = (0..999).map(|n| format!("member-{n:049}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let alice = app.someone("alice");
    let group = alice.group(&names, "all").await;
    let long = "🦀".repeat(4_000);
    let mut last = String::new();
    for _ in 0..300 {
        last = alice.say(&group, &long).await["id"].as_str().unwrap().to_owned();
    }
    for query in [format!("after={START}&limit=65536"), "tail=8192".to_owned()] {
        let (mut target, mut seen, mut pages) = (format!("/internal/events?{query}"), 0, 0);
        loop {
            let answer = app.get_signed(&target).await;
            assert!(answer.body.len() < 5 * 1024 * 1024, "{} bytes", answer.body.len());
            let page: LogPage = serde_json::from_slice(&answer.body).unwrap();
            assert!(!page.batch.events.is_empty());
            assert_eq!(page.head.to_string(), last, "there is more: {query}");
            (seen, pages) = (seen + page.batch.events.len(), pages + 1);
            if page.batch.end() == page.head {
                break;
            }
            target = format!("/internal/events?after={}&limit=65536", page.batch.end());
        }
        assert!(seen > 300, "{seen} events: {query}");
        // 4.8 MB of messages, and one set for all of them.
        assert_eq!(pages, 2, "{query}");
    }
}

#[tokio::test]
async fn events_carry_the_message_byte_for_byte_and_its_audience() {
    let app = App::start();
    let answer = app.post(json!({"content": "<é> \"\n", "user": "alice"})).await;
    let page = app.get_signed("/internal/events?tail=1").await.json();
    assert_eq!(page["batch"]["events"][0]["type"], json!("message"));
    assert_eq!(page["batch"]["events"][0]["audience"], json!({"room": "public"}));
    let page: LogPage = serde_json::from_value(page).unwrap();
    assert_eq!(page.batch.events[0].data.get(), answer.text());
}

#[tokio::test]
async fn the_history_is_the_last_messages_and_where_to_go_on() {
    let app = App::start();
    for n in 1..=5 {
        app.say(&n.to_string()).await;
    }
    let answer = app.get_signed("/internal/opening?rooms=public&history=2").await;
    let batch: Batch = serde_json::from_slice(&answer.body).unwrap();
    let messages = app.list("?limit=2").await;
    let ids: Vec<_> = batch.events.iter().map(|event| json!(event.id)).collect();
    assert_eq!(ids, [messages[0]["id"].clone(), messages[1]["id"].clone()]);
    assert_eq!(json!(batch.after), messages[1]["id"]);
    let whole = app.get_signed("/internal/opening?history=200").await.json();
    assert_eq!(whole["events"].as_array().unwrap().len(), 5);
    for (query, refusal) in [
        ("rooms=nowhere&history=1", (404, "conversation_not_found")),
        ("rooms=public,dm:alice:bob", (404, "conversation_not_found")),
        ("history=201", (400, "invalid_limit")),
    ] {
        let answer = app.get_signed(&format!("/internal/opening?{query}")).await;
        assert_eq!(answer.refusal(), (refusal.0, refusal.1.to_owned()), "{query}");
    }
}

#[tokio::test]
async fn a_cursor_out_of_the_log_is_gone() {
    let app = App::start();
    app.say("hi").await;
    let answer = app.get_signed("/internal/events?after=99991230220000.000000").await;
    assert_eq!(answer.refusal(), (410, "cursor_unknown".to_owned()));
}

#[tokio::test]
async fn nobody_reads_without_the_right_signature() {
    let app = App::start();
    let target = "/internal/events?tail=1";
    let other = common::Secret::parse("another secret, not theirs").unwrap();
    let good = signature::sign(&crate::app::secret(), "GET", target, b"");
    let elsewhere = signature::sign(&crate::app::secret(), "GET", "/internal/events?tail=2", b"");
    let code = good.split_once(",v1=").unwrap().1;
    for (signature, code) in [
        (signature::sign(&other, "GET", target, b""), "signature_invalid"),
        (signature::sign(&crate::app::secret(), "POST", target, b""), "signature_invalid"),
        (signature::sign(&crate::app::secret(), "GET", target, b"x"), "signature_invalid"),
        (elsewhere, "signature_invalid"),
        (format!("t=1700000000,v1={code}"), "signature_invalid"),
        (format!("t=99999999999,v1={code}"), "signature_invalid"),
        (good.replace("v1=", "v0="), "signature_invalid"),
        (good[..good.len() - 2].to_owned(), "signature_invalid"),
        (String::new(), "signature_invalid"),
        ("t=,v1=".to_owned(), "signature_invalid"),
    ] {
        let answer = get_with(&app, target, &signature).await;
        assert_eq!(answer.refusal(), (401, code.to_owned()), "{signature}");
    }
    for target in
        [target, "/internal/opening", "/internal/events", "/internal/receipts?user=a&after=x"]
    {
        let answer = app.get(target).await;
        assert_eq!(answer.refusal(), (401, "signature_missing".to_owned()), "{target}");
    }
    assert_eq!(get_with(&app, target, &good).await.status, 200);
}

#[tokio::test]
async fn what_the_other_service_reports_may_be_larger_than_what_clients_send() {
    let app = App::start();
    let last = app.say("x").await["id"].clone();
    let name = |n: usize| format!("{n:04}{}", "🦀".repeat(60));
    let delivered: Vec<_> =
        (0..MAX_REPORTED).map(|n| json!({"user": name(n), "up_to": last})).collect();
    let answer = app.post_signed("/internal/delivered", json!({"delivered": delivered})).await;
    assert_eq!(answer.status, 204, "{answer:?}");
    let users: Vec<_> = (0..MAX_ASKED).map(name).collect();
    let answer = app.post_signed("/internal/contacts", json!({"users": users})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    // Control characters are the longest in JSON: what a client may say in 512 KiB.
    let frame = json!({
        "user": {"name": "alice", "key": "alice"}, "authenticated": false, "origin": "1",
        "frame": {"type": "message", "content": "\u{1}".repeat(512 * 1024)},
    });
    let answer = app.post_signed("/internal/frames", frame).await;
    assert_eq!((answer.status, &answer.json()["reply"]["code"]), (200, &json!("content_invalid")));
    let client = json!({"username": "x".repeat(100_000), "rooms": ["public"]});
    let answer = app.post_signed("/internal/identify", json!({"clients": [client]})).await;
    assert_eq!(answer.json()["clients"][0]["refused"]["code"], "user_too_long");
    for path in ["delivered", "contacts", "frames", "identify"] {
        let body = json!({"users": ["x".repeat(MAX_BODY)]});
        let answer = app.post_signed(&format!("/internal/{path}"), body).await;
        assert_eq!(answer.refusal(), (413, "body_too_large".to_owned()), "{path}");
    }
    assert_eq!(app.get("/internal/nothing").await.refusal(), (404, "route_not_found".to_owned()));
}
