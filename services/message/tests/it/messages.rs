//! `POST /messages` and `GET /messages/{id}`.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{answer::Answer, app::App};

#[tokio::test]
async fn a_post_is_answered_with_the_whole_message_and_where_it_is() {
    let app = App::start();
    let answer = app.post(json!({"content": "Hello, world!", "user": "alice"})).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let message = answer.json();
    let id = message["id"].as_str().unwrap();
    assert_eq!(answer.header("location"), Some(format!("/messages/{id}").as_str()));
    let expected = json!({
        "type": "message", "id": id, "conversation_id": "public", "seq": 1, "user": "alice",
        "content": "Hello, world!", "timestamp": timestamp(id), "status": "sent",
    });
    assert_eq!(answer.text(), expected.to_string());
    assert_eq!(app.get(&format!("/messages/{id}")).await.text(), answer.text());
    assert_eq!(app.list("").await, [message]);
}

#[tokio::test]
async fn a_post_without_a_user_gets_a_guest_name() {
    let app = App::start();
    let mut names = Vec::new();
    for user in [json!({}), json!({"user": null})] {
        let mut body = json!({"content": "hi"});
        body.as_object_mut().unwrap().extend(user.as_object().unwrap().clone());
        let message = app.post(body).await.json();
        names.push(message["user"].as_str().unwrap().to_owned());
    }
    assert!(names.iter().all(|name| name.starts_with("guest-")), "{names:?}");
    assert_ne!(names[0], names[1]);
}

#[tokio::test]
async fn the_field_names_of_other_protocols_are_understood_and_ours_come_back() {
    let app = App::start();
    for body in [
        json!({"content": "hi", "user": "John Doe", "conversation_id": "public"}),
        json!({"message": "hi", "sender": "John Doe", "conversationId": "public"}),
        json!({"text": "hi", "senderId": "John Doe"}),
        json!({"message": "hi", "username": "John Doe", "recipient": null, "to_be": "ignored"}),
    ] {
        let answer = app.post(body.clone()).await;
        assert_eq!(answer.status, 201, "{body}");
        let message = answer.json();
        let fields: Vec<_> = message.as_object().unwrap().keys().collect();
        let expected =
            ["type", "id", "conversation_id", "seq", "user", "content", "timestamp", "status"];
        assert_eq!(fields, expected, "{body}");
        assert_eq!((&message["content"], &message["user"]), (&json!("hi"), &json!("John Doe")));
    }
}

#[tokio::test]
async fn content_and_name_are_trimmed_and_otherwise_left_alone() {
    let app = App::start();
    for (sent, kept) in [
        ("  hi  ", "hi"),
        ("\n\tline one\n\n  line two \r\n", "line one\n\n  line two"),
        ("\u{3000}wide space\u{a0}", "wide space"),
        ("👩‍👩‍👧‍👦 family", "👩‍👩‍👧‍👦 family"),
        ("e\u{301} is not é", "e\u{301} is not é"),
        ("مرحبا שלום 你好", "مرحبا שלום 你好"),
        ("\u{10ffff} \u{fffd} \u{ffff}", "\u{10ffff} \u{fffd} \u{ffff}"),
        (r#"<b>"quoted" & 'escaped' \u0041 \\</b>"#, r#"<b>"quoted" & 'escaped' \u0041 \\</b>"#),
        ("'); drop table messages; --", "'); drop table messages; --"),
        ("0x10", "0x10"),
        ("1e3", "1e3"),
        ("null", "null"),
    ] {
        let answer = app.post(json!({"content": sent, "user": "  Zoë  "})).await;
        assert_eq!(answer.status, 201, "{sent:?}");
        let message = answer.json();
        assert_eq!((&message["content"], &message["user"]), (&json!(kept), &json!("Zoë")));
        let id = message["id"].as_str().unwrap();
        assert_eq!(app.get(&format!("/messages/{id}")).await.json(), message);
    }
}

#[tokio::test]
async fn the_longest_message_has_4000_characters_however_many_bytes() {
    let app = App::start();
    for one in ["x", "é", "🦀"] {
        let longest = one.repeat(4_000);
        let padded = format!("   {longest}\n");
        assert_eq!(app.post(json!({"content": padded})).await.json()["content"], json!(longest));
        let answer = app.post(json!({"content": one.repeat(4_001)})).await;
        assert_eq!(answer.refusal(), (422, "content_too_long".to_owned()));
        let problem = answer.problem();
        assert_eq!(problem.errors[0].field, "content");
        assert!(problem.detail.contains("4000") && problem.detail.contains("4001"));
    }
    assert_eq!(app.list("").await.len(), 3);
}

#[tokio::test]
async fn the_longest_message_can_be_set() {
    let app = App::with(&[("MAX_CONTENT_CHARS", "16384")]);
    let longest = "🦀".repeat(16_384);
    assert_eq!(app.post(json!({"content": longest})).await.json()["content"], json!(longest));
    let answer = app.post(json!({"content": "x".repeat(16_385)})).await;
    assert_eq!(answer.refusal(), (422, "content_too_long".to_owned()));
}

#[tokio::test]
async fn the_id_is_the_timestamp_and_both_grow() {
    let app = App::start();
    let mut last = String::new();
    for seq in 1..=20 {
        let message = app.say("tick").await;
        let id = message["id"].as_str().unwrap().to_owned();
        assert_eq!(message["timestamp"], json!(timestamp(&id)));
        assert_eq!(message["seq"], json!(seq));
        assert!(id > last, "{id} after {last}");
        last = id;
    }
}

#[tokio::test]
async fn a_head_request_is_answered_like_get_without_the_body() {
    let app = App::start();
    let id = app.say("hi").await["id"].as_str().unwrap().to_owned();
    for target in ["/messages", &format!("/messages/{id}"), "/sync?after=19700101000000.000000"] {
        let (get, head) = (app.get(target).await, head(&app, target).await);
        assert_eq!((head.status, head.body.len()), (200, 0), "{target}");
        for name in ["content-type", "content-length", "x-event-cursor", "x-has-more"] {
            assert_eq!(head.header(name), get.header(name), "{target} {name}");
        }
    }
    assert_eq!(head(&app, "/messages/20240101120000.000000").await.status, 404);
}

#[tokio::test]
async fn a_message_that_is_not_there_is_404() {
    let app = App::start();
    let message = app.say("hi").await;
    let id = message["id"].as_str().unwrap();
    for (target, refusal) in [
        ("20240101120000.123456", (404, "message_not_found")),
        ("99991230220000.000000", (404, "message_not_found")),
        (&id[..20], (400, "invalid_id")),
        ("1", (400, "invalid_id")),
    ] {
        let answer = app.get(&format!("/messages/{target}")).await;
        assert_eq!(answer.refusal(), (refusal.0, refusal.1.to_owned()), "{target}");
    }
}

async fn head(app: &App, target: &str) -> Answer {
    Answer::to(app.request(Method::HEAD, target)).await
}

/// `20240101120000.123456` as `2024-01-01T12:00:00.123456Z`.
fn timestamp(id: &str) -> String {
    let part = |from: usize, to: usize| &id[from..to];
    let (date, time) = (
        [part(0, 4), part(4, 6), part(6, 8)].join("-"),
        [part(8, 10), part(10, 12), part(12, 21)].join(":"),
    );
    format!("{date}T{time}Z")
}

#[tokio::test]
async fn a_post_and_all_it_says_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let before = {
        let app = App::on(folder.path(), &[]);
        app.say("one").await;
        app.say("two").await;
        app.list("").await
    };
    let app = App::on(folder.path(), &[]);
    assert_eq!(app.list("").await, before);
    let next: Value = app.say("three").await;
    assert_eq!(next["seq"], json!(3));
    assert!(next["id"].as_str() > before[1]["id"].as_str());
}
