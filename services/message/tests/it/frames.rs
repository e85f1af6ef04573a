//! What comes over a WebSocket goes the same ways as what comes by REST.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{answer::Answer, app::App};

async fn send(app: &App, user: Value, authenticated: bool, frame: Value) -> Value {
    let body = json!({
        "user": user, "authenticated": authenticated, "origin": "connection-1", "frame": frame,
    });
    let answer = app.post_signed("/internal/frames", body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["reply"].clone()
}

fn user(name: &str) -> Value {
    json!({"name": name, "key": name.to_lowercase()})
}

#[tokio::test]
async fn a_message_is_acknowledged_and_a_repeat_is_the_same() {
    let app = App::start();
    let frame = json!({"type": "message", "content": "hi", "client_msg_id": "k"});
    let ack = send(&app, user("Alice"), false, frame.clone()).await;
    let stored = app.list("").await;
    assert_eq!((&ack["type"], &ack["id"]), (&json!("ack"), &stored[0]["id"]));
    assert_eq!((&ack["client_msg_id"], &ack["seq"]), (&json!("k"), &json!(1)));
    assert_eq!(stored[0]["user"], "Alice");
    assert_eq!(send(&app, user("Alice"), false, frame).await, ack);
    assert_eq!(app.list("").await.len(), 1);
}

#[tokio::test]
async fn an_address_has_one_rate_however_it_comes() {
    let app =
        App::with(&[("POST_RATE", "1"), ("POST_BURST", "4"), ("TRUSTED_PROXIES", "127.0.0.1")]);
    let frame = |address: &str, kind: &str| {
        json!({
            "user": user("Alice"), "authenticated": false, "origin": "connection-1", "address": address,
            "frame": {"type": kind, "content": "hi", "conversation_id": "public", "seq": 1},
        })
    };
    let framed = async |kind: &str| {
        let answer = app.post_signed("/internal/frames", frame("203.0.113.1", kind)).await;
        answer.json()["reply"]["code"].clone()
    };
    // Where each way had a rate of its own, the first requests by REST would pass. One comes in again each
    // second: on a slow machine it takes another try.
    let mut tries = 0..3;
    while tries.next().is_some() {
        while framed("message").await != "rate_limited" {}
        let request =
            app.request(Method::POST, "/messages").header("x-forwarded-for", "203.0.113.1");
        if Answer::to(request.json(&json!({"content": "hi"}))).await.status == 429 {
            break;
        }
    }
    assert!(!tries.is_empty(), "posts by REST have a rate of their own");
    // Typing, and markers, cost a tenth.
    assert_ne!(framed("typing").await, "rate_limited");
    let other = app.post_signed("/internal/frames", frame("203.0.113.2", "message")).await;
    assert_eq!(other.json()["reply"]["type"], "ack");
}

#[tokio::test]
async fn whoever_has_no_rate_left_is_not_even_looked_up() {
    let app = App::with(&[("POST_RATE", "1"), ("POST_BURST", "1")]);
    app.register("alice").await;
    let frame = json!({
        // With a Cyrillic letter.
        "user": user("\u{430}lice"), "authenticated": false, "origin": "connection-1",
        "address": "203.0.113.1", "frame": {"content": "hi"},
    });
    let mut codes = Vec::new();
    for _ in 0..100 {
        let answer = app.post_signed("/internal/frames", frame.clone()).await;
        codes.push(answer.json()["reply"]["code"].as_str().unwrap().to_owned());
    }
    // What they would be told otherwise, and costs a look into the database.
    assert_eq!(codes[0], "name_registered");
    assert!(codes.iter().any(|code| code == "rate_limited"), "{codes:?}");
}

#[tokio::test]
async fn who_gives_no_name_has_one_for_each_connection() {
    let app = App::start();
    let mut names = Vec::new();
    for origin in ["connection-1", "connection-1", "connection-2"] {
        let frame = json!({"type": "message", "content": "hi"});
        let body = json!({"user": null, "authenticated": false, "origin": origin, "frame": frame});
        let reply = app.post_signed("/internal/frames", body).await.json()["reply"].clone();
        names.push(reply["user"].as_str().unwrap().to_owned());
    }
    assert!(names.iter().all(|name| name.starts_with("guest-")), "{names:?}");
    assert!(names[0] == names[1] && names[1] != names[2], "{names:?}");
}

#[tokio::test]
async fn a_refusal_comes_back_as_an_error_with_the_key() {
    let app = App::start();
    for (frame, code) in [
        (json!({"type": "message", "content": " ", "client_msg_id": "k"}), "content_empty"),
        (json!({"type": "message", "client_msg_id": "k"}), "frame_invalid"),
        (json!({"type": "dance", "client_msg_id": "k"}), "frame_unknown"),
        (
            json!({"type": "message", "content": "x", "conversation_id": "dm:b:c", "client_msg_id": "k"}),
            "conversation_not_found",
        ),
    ] {
        let error = send(&app, user("alice"), false, frame).await;
        assert_eq!(
            (&error["type"], &error["code"], &error["client_msg_id"]),
            (&json!("error"), &json!(code), &json!("k"))
        );
    }
    assert!(app.list("").await.is_empty());
}

#[tokio::test]
async fn a_credential_decides_whose_frame_it_is() {
    let app = App::start();
    let frame = json!({"type": "message", "content": "x", "user": "bob"});
    let error = send(&app, user("alice"), true, frame.clone()).await;
    assert_eq!(error["code"], "not_you");
    assert_eq!(send(&app, Value::Null, false, frame).await["user"], "bob");
    assert_eq!(
        send(
            &app,
            Value::Null,
            false,
            json!({"type": "read", "conversation_id": "public", "seq": 1})
        )
        .await["code"],
        "user_missing"
    );
}

#[tokio::test]
async fn markers_move_by_frames() {
    let app = App::start();
    app.post(json!({"content": "psst", "user": "bob", "recipient": "alice"})).await;
    let about = |kind: &str| json!({"type": kind, "conversation_id": "dm:alice:bob", "seq": 1});
    for (kind, status) in [("delivered", "delivered"), ("read", "read")] {
        assert_eq!(send(&app, user("alice"), false, about(kind)).await, Value::Null);
        assert_eq!(app.list("?user=bob&recipient=alice").await[0]["status"], status);
    }
    // Up to where has to be said, or the frame would mean the beginning.
    for kind in ["delivered", "read"] {
        let frame = json!({"type": kind, "conversation_id": "dm:alice:bob"});
        let error = send(&app, user("alice"), false, frame).await;
        assert_eq!(error["code"], "frame_invalid", "{kind}");
    }
    let error = send(&app, user("carol"), false, about("read")).await;
    assert_eq!(error["code"], "conversation_not_found");
}

#[tokio::test]
async fn nobody_sends_frames_for_others_without_the_signature() {
    let app = App::start();
    let body = json!({"user": user("alice"), "authenticated": true, "origin": "x", "frame": {}});
    for target in ["/internal/frames", "/internal/delivered"] {
        let answer = app.send(Method::POST, target, body.clone()).await;
        assert_eq!(answer.refusal(), (401, "signature_missing".to_owned()), "{target}");
    }
}

#[tokio::test]
async fn what_a_session_says_after_its_end_does_not_count() {
    let app = App::start();
    let token = app.join("Alice").await;
    let session = app.identify(json!({"token": token})).await.json();
    let body = json!({
        "user": session["user"], "authenticated": true, "epoch": session["epoch"], "origin": "x",
        "frame": {"type": "message", "content": "late"},
    });
    let reply = app.post_signed("/internal/frames", body.clone()).await.json()["reply"].clone();
    assert_eq!(reply["type"], "ack");
    let sign_out = app.send_as(Method::DELETE, "/sessions/current", Some(&token), json!({})).await;
    assert_eq!(sign_out.status, 204);
    let reply = app.post_signed("/internal/frames", body).await.json()["reply"].clone();
    assert_eq!((&reply["type"], &reply["code"]), (&json!("error"), &json!("token_invalid")));
    // Who had the name before it was registered has it no more.
    let reply = send(&app, user("Alice"), false, json!({"type": "typing"})).await;
    assert_eq!(reply["code"], "name_registered");
    assert_eq!(app.list("").await.len(), 1);
}
