//! `POST /notify` by a program of the user's: one object, to those who are connected.

use std::time::Instant;

use common::{Secret, signature};
use reqwest::Method;
use serde_json::json;

use crate::{
    answer::Answer,
    app::{App, sign},
    desk::Desk,
    upstream::Upstream,
};

#[tokio::test]
async fn a_notification_reaches_open_streams_and_is_not_replayed() {
    let upstream = Upstream::start();
    let app = App::start(&upstream.url(), &[]);
    let mut stream = app.stream("").await;
    let full = json!({
        "id": "20240101120000.123456", "content": "full", "user": "alice",
        "timestamp": "2024-01-01T12:00:00.123456Z", "type": "message",
    });
    let answer = app.notify(&full).await;
    assert_eq!((answer.status, answer.json()), (200, json!({"last_id": "19700101000000.000000"})));
    let block = stream.next().await;
    assert_eq!((block.id, block.event, block.data), (None, None, Some(full)));

    let bare = json!({"content": "bare"});
    assert_eq!(app.notify(&bare).await.status, 200);
    let data = stream.next().await.data.unwrap();
    assert_eq!((&data["content"], &data["type"]), (&json!("bare"), &json!("message")));
    assert!(data["timestamp"].as_str().unwrap().ends_with('Z'), "{data}");
    assert_eq!((data.get("user"), data.get("id")), (None, None));

    // Who comes with a cursor from before gets only what is in the log.
    let posted = upstream.post("posted").await;
    let mut late = app.stream("?last_event_id=19700101000000.000000").await;
    let last_id = posted["id"].clone();
    app.notify_signed(&json!({"after": last_id, "events": []})).await;
    late.next().await.assert_is(&posted);
    assert_eq!(late.greeting["resumed"], json!(true));
}

#[tokio::test]
async fn nobody_speaks_for_somebody_whose_name_is_protected() {
    let upstream = Upstream::start();
    upstream.register("Zoe").await;
    let app = App::start(&upstream.url(), &[]);
    let mut stream = app.stream("").await;
    let by = |user: &str| json!({"content": format!("by {user}"), "user": user});
    // As it is written, and what is taken for it.
    for user in ["zoe", "zoe", "\u{ff3a}oe"] {
        let answer = app.notify(&by(user)).await;
        assert_eq!(answer.refusal(), (401, "name_registered".to_owned()), "{user}");
    }
    assert_eq!(app.notify(&by("a:b")).await.status, 422, "no user has such a name");
    for user in ["zoey", ""] {
        assert_eq!(app.notify(&by(user)).await.status, 200, "{user}");
    }
    assert_eq!(app.notify_signed(&by("Zoe")).await.status, 200, "it knows the secret");
    assert_eq!(stream.contents(3).await, [json!("by zoey"), json!("by "), json!("by Zoe")]);
}

#[tokio::test]
async fn who_notifies_again_and_again_in_one_name_is_asked_about_once_a_second() {
    let desk = Desk::start();
    let app = App::start(&desk.url(), &[]);
    let start = Instant::now();
    for _ in 0..100 {
        let deploy = json!({"content": "step", "user": "deploy"});
        assert_eq!(app.notify(&deploy).await.status, 200);
    }
    let (asked, most) = (desk.asked_about(), start.elapsed().as_secs() as usize + 1);
    assert!((1..=most).contains(&asked), "{asked} times in {most} s");
    let other = json!({"content": "step", "user": "another"});
    assert_eq!((app.notify(&other).await.status, desk.asked_about()), (200, asked + 1));
}

#[tokio::test]
async fn another_type_is_a_named_event_and_other_fields_are_passed_on() {
    let upstream = Upstream::start();
    let app = App::start(&upstream.url(), &[]);
    let mut stream = app.stream("").await;
    let deploy = json!({
        "type": "deploy_2", "content": "done\nline 2\r\nline 3", "timestamp": "t", "user": null,
        "build": {"number": 7}, "data": "id: 1\n\nevent: evil",
    });
    assert_eq!(app.notify(&deploy).await.status, 200);
    let block = stream.next().await;
    assert_eq!((block.id, block.event.as_deref()), (None, Some("deploy_2")));
    let data = block.data.unwrap();
    for field in ["type", "content", "timestamp", "build", "data"] {
        assert_eq!(data[field], deploy[field], "{field}");
    }
    assert_eq!(data.get("user"), None);
}

#[tokio::test]
async fn a_message_that_the_log_has_brought_is_not_said_twice() {
    let upstream = Upstream::start();
    let posted = upstream.post("posted").await;
    let app = App::start(&upstream.url(), &[]);
    let mut stream = app.stream("").await;
    assert_eq!(app.notify(&posted).await.status, 200);
    assert_eq!(app.notify(&json!({"content": "next"})).await.status, 200);
    assert_eq!(stream.contents(1).await, [json!("next")]);
}

#[tokio::test]
async fn a_signature_that_is_wrong_is_refused_even_where_none_is_needed() {
    let upstream = Upstream::start();
    let app = App::start(&upstream.url(), &[]);
    let body = json!({"content": "hi"});
    let bytes = body.to_string();
    let other = Secret::parse("another secret, not theirs").unwrap();
    for signature in [
        signature::sign(&other, "POST", "/notify", bytes.as_bytes()),
        sign("POST", "/notify", b"another body"),
        sign("POST", "/events", bytes.as_bytes()),
        "t=1,v1=00".to_owned(),
        String::new(),
    ] {
        let request = app.request(Method::POST, "/notify").json(&body);
        let answer = Answer::to(request.header(signature::HEADER, &signature)).await;
        assert_eq!(answer.refusal(), (401, "signature_invalid".to_owned()), "{signature}");
    }
    assert_eq!(app.notify_signed(&body).await.status, 200);
    assert_eq!(app.notify(&body).await.status, 200);
}

#[tokio::test]
async fn a_service_that_others_can_reach_takes_signed_notifications_only() {
    let upstream = Upstream::start();
    let app = App::start(&upstream.url(), &[("HOST", "0.0.0.0"), ("AUTH_MODE", "open")]);
    let mut stream = app.stream("").await;
    let answer = app.notify(&json!({"content": "unsigned"})).await;
    assert_eq!(answer.refusal(), (401, "signature_missing".to_owned()));
    assert_eq!(app.notify_signed(&json!({"content": "signed"})).await.status, 200);
    assert_eq!(stream.contents(1).await, [json!("signed")]);
}
