//! Signing in and out.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use super::{PASSWORD, SPELLINGS, open, refused, required};
use crate::{answer::Answer, app::App};

/// A problem without what differs from one request to the next.
fn anonymous(answer: &Answer) -> Value {
    let mut problem = answer.json();
    problem.as_object_mut().unwrap().remove("request_id");
    problem
}

/// How many passwords have been hashed.
async fn hashes(app: &App) -> u64 {
    let metrics = app.get("/metrics").await;
    let line = metrics
        .text()
        .lines()
        .find_map(|line| line.strip_prefix("realtalk_password_hashes_total "));
    line.unwrap().parse().unwrap()
}

#[tokio::test]
async fn whoever_knows_the_password_gets_a_token() {
    let app = required();
    app.register("Alice").await;
    for name in SPELLINGS {
        let answer = app.sign_in(name, PASSWORD).await;
        assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
        let session = answer.json();
        assert_eq!(session["user"]["username"], json!("Alice"));
        let me = app.get_as(session["token"].as_str().unwrap(), "/users/me").await;
        assert_eq!((me.status, &me.json()["username"]), (200, &json!("Alice")));
        assert!(session["expires_at"].as_str().unwrap().ends_with('Z'));
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_are_answered_alike_after_the_same_work() {
    for app in [open(), required()] {
        app.register("alice").await;
        // A guest, who has no password.
        app.post(json!({"content": "hi", "user": "guest"})).await;
        let before = hashes(&app).await;
        let wrong = app.sign_in("alice", "not her password").await;
        refused(&wrong, 401, "credentials_wrong");
        for (n, name) in ["nobody", "guest", "alice"].into_iter().enumerate() {
            let answer = app.sign_in(name, "not her password").await;
            assert_eq!(anonymous(&answer), anonymous(&wrong), "{name}");
            let names = |answer: &Answer| {
                answer.headers.iter().map(|(name, _)| name.clone()).collect::<BTreeSet<_>>()
            };
            assert_eq!(names(&answer), names(&wrong), "{name}");
            assert_eq!(hashes(&app).await, before + 2 + n as u64, "{name}");
        }
    }
}

#[tokio::test]
async fn in_open_mode_a_name_without_a_password_needs_none() {
    let app = open();
    let body = json!({"username": "Bob"});
    let answer = app.send_as(Method::POST, "/sessions", None, body.clone()).await;
    assert_eq!((answer.status, &answer.json()["user"]["kind"]), (200, &json!("guest")));
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    let said = app.send_as(Method::POST, "/messages", Some(&token), json!({"content": "hi"})).await;
    assert_eq!((said.status, &said.json()["user"]), (201, &json!("Bob")));
    // Once the name has a password, those who had it before are out.
    app.register("bob").await;
    refused(&app.get_as(&token, "/users/me").await, 401, "token_invalid");
    refused(&app.send_as(Method::POST, "/sessions", None, body).await, 401, "name_registered");
    let answer =
        required().send_as(Method::POST, "/sessions", None, json!({"username": "x"})).await;
    refused(&answer, 422, "password_missing");
}

#[tokio::test]
async fn signing_out_ends_every_session_and_no_one_elses() {
    let app = open();
    let (one, two, other) =
        (app.join("alice").await, app.token("alice").await, app.join("bob").await);
    let sign_out = async |token: Option<&str>| {
        app.send_as(Method::DELETE, "/sessions/current", token, Value::Null).await
    };
    refused(&sign_out(None).await, 401, "token_missing");
    let answer = sign_out(Some(&one)).await;
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    assert!(answer.header("set-cookie").unwrap().contains("Max-Age=0"));
    for token in [&one, &two] {
        refused(&app.get_as(token, "/users/me").await, 401, "token_invalid");
        refused(&sign_out(Some(token)).await, 401, "token_invalid");
        refused(&app.identify(json!({"token": token})).await, 401, "token_invalid");
    }
    assert_eq!(app.get_as(&other, "/users/me").await.status, 200);
    let again = app.token("alice").await;
    assert_eq!(app.get_as(&again, "/users/me").await.status, 200);
    // The streams of the user are told, by an event that no client gets.
    let events = app.get_signed("/internal/events?after=19700101000000.000000").await.json();
    let events = events["batch"]["events"].as_array().unwrap().clone();
    let ended = events.iter().rfind(|event| event["type"] == json!("session")).unwrap();
    assert_eq!(ended["audience"], json!({"users": []}));
    assert_eq!(
        (&ended["data"]["user"], &ended["data"]["reason"]),
        (&json!("alice"), &json!("signed_out"))
    );
    let identified = app.identify(json!({"token": again})).await.json();
    assert_eq!(identified["epoch"], ended["data"]["epoch"]);
}

#[tokio::test]
async fn registering_and_signing_in_ignore_a_stale_credential() {
    let app = required();
    let body = json!({"username": "alice", "password": PASSWORD});
    for (target, status) in [("/users", 201), ("/sessions", 200)] {
        let answer = app.send_as(Method::POST, target, Some("stale"), body.clone()).await;
        assert_eq!(answer.status, status, "{target} {answer:?}");
    }
    for target in ["/health", "/config.json", "/", "/openapi.json", "/docs/"] {
        assert_eq!(app.get_as("stale", target).await.status, 200, "{target}");
    }
    let config = app.get("/config.json").await.json();
    assert_eq!(config["auth_mode"], json!("required"));
}
