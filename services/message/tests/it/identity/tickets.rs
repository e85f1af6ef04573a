//! Tickets, and who the notification service is told is behind a stream.

use common::internal::MAX_IDENTIFIED;
use reqwest::Method;
use serde_json::{Value, json};

use super::{ADMIN_TOKEN, open, refused, required};
use crate::{answer::Answer, app::App};

async fn ticket(app: &App, token: Option<&str>, body: Value) -> String {
    let answer = app.send_as(Method::POST, "/tickets", token, body).await;
    assert_eq!((answer.status, answer.header("cache-control")), (201, Some("no-store")));
    let json = answer.json();
    assert!(json["expires_at"].as_str().unwrap().ends_with('Z'));
    json["ticket"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_ticket_shows_who_one_is_once() {
    let app = required();
    let token = app.join("Alice").await;
    let one = ticket(&app, Some(&token), Value::Null).await;
    let body = json!({"ticket": one, "rooms": ["public"]});
    let answer = app.identify(body.clone()).await;
    let expected = app.identify(json!({"token": token, "rooms": ["public"]})).await;
    assert_eq!((answer.status, answer.json()), (200, expected.json()));
    assert_eq!(answer.json()["user"], json!({"name": "Alice", "key": "alice"}));
    refused(&app.identify(body).await, 401, "ticket_invalid");
    for ticket in ["", "x", "0123456789abcdef0123456789abcdef"] {
        refused(&app.identify(json!({"ticket": ticket})).await, 401, "ticket_invalid");
    }
    let two = ticket(&app, Some(&token), Value::Null).await;
    refused(&app.identify(json!({"ticket": two, "username": "bob"})).await, 403, "not_you");
    // It is no token.
    let three = ticket(&app, Some(&token), Value::Null).await;
    refused(&app.get_as(&three, "/users/me").await, 401, "token_invalid");
    // It decides, whatever stale cookie the browser adds.
    let answer = app.identify(json!({"ticket": three, "token": "stale"})).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn used_by_many_at_once_it_opens_one_stream() {
    let app = open();
    let ticket = ticket(&app, None, json!({"user": "guest"})).await;
    let tries = (0..20).map(|_| app.identify(json!({"ticket": ticket})));
    let answers = futures_util::future::join_all(tries).await;
    let opened = answers.iter().filter(|answer| answer.status == 200).count();
    let refused = answers.iter().filter(|answer| answer.status == 401).count();
    assert_eq!((opened, refused), (1, 19));
}

#[tokio::test]
async fn what_happens_after_it_was_issued_counts() {
    let app = open();
    let token = app.join("alice").await;
    let before = ticket(&app, Some(&token), Value::Null).await;
    app.send_as(Method::DELETE, "/sessions/current", Some(&token), Value::Null).await;
    refused(&app.identify(json!({"ticket": before})).await, 401, "ticket_invalid");

    let token = app.token("alice").await;
    let before = ticket(&app, Some(&token), Value::Null).await;
    let body = json!({"deactivated": true});
    app.send_as(Method::PATCH, "/users/alice", Some(ADMIN_TOKEN), body).await;
    refused(&app.identify(json!({"ticket": before})).await, 401, "ticket_invalid");

    // A guest's name that has found an owner.
    let before = ticket(&app, None, json!({"user": "bob"})).await;
    app.register("Bob").await;
    refused(&app.identify(json!({"ticket": before})).await, 401, "ticket_invalid");
}

#[tokio::test]
async fn guests_get_tickets_and_can_be_addressed_once_they_use_them() {
    let app = open();
    let ticket = ticket(&app, None, json!({"username": "Bob"})).await;
    refused(&app.get("/users/bob").await, 404, "user_not_found");
    let identified = app.identify(json!({"ticket": ticket, "rooms": ["public"]})).await.json();
    let expected = json!({
        "user": {"name": "Bob", "key": "bob"}, "authenticated": false, "expires_at": null,
        "epoch": 0, "rooms": ["public"], "received": identified["received"],
    });
    assert_eq!(identified, expected);
    assert_eq!(app.get("/users/bob").await.json()["kind"], json!("guest"));
}

#[tokio::test]
async fn a_name_as_given_is_known_as_first_written() {
    let app = open();
    let first = app.identify(json!({"username": "Bob", "rooms": ["public"]})).await.json();
    assert_eq!(first["user"], json!({"name": "Bob", "key": "bob"}));
    let again = app.identify(json!({"username": "ＢOB", "rooms": []})).await.json();
    assert_eq!(again["user"], first["user"]);
    assert_eq!((&again["authenticated"], &again["rooms"]), (&json!(false), &json!([])));
    refused(&app.identify(json!({"username": "a:b"})).await, 422, "user_invalid");
    let operator = app.identify(json!({"token": ADMIN_TOKEN})).await.json();
    assert_eq!((&operator["user"], &operator["authenticated"]), (&Value::Null, &json!(true)));
}

#[tokio::test]
async fn streams_open_on_rooms_that_exist_only() {
    let app = open();
    // A direct conversation is no room.
    app.post(json!({"content": "psst", "user": "alice", "recipient": "bob"})).await;
    for rooms in [json!(["nowhere"]), json!(["public", "nowhere"]), json!(["dm:alice:bob"])] {
        for body in [json!({"rooms": rooms}), json!({"rooms": rooms, "username": "alice"})] {
            refused(&app.identify(body).await, 404, "conversation_not_found");
        }
    }
    let twice = app.identify(json!({"rooms": ["public", "public"]})).await;
    assert_eq!(twice.status, 200);
}

#[tokio::test]
async fn only_the_notification_service_asks() {
    let app = open();
    let body = json!({"clients": [{"username": "bob"}]});
    let answer = app.send_as(Method::POST, "/internal/identify", None, body.clone()).await;
    refused(&answer, 401, "signature_missing");
    // The signature is for another body.
    let signature =
        common::signature::sign(&crate::app::secret(), "POST", "/internal/identify", b"{}");
    let request = app.request(Method::POST, "/internal/identify");
    let request = request.header(common::signature::HEADER, signature).json(&body);
    refused(&Answer::to(request).await, 401, "signature_invalid");
}

#[tokio::test]
async fn of_those_who_come_together_each_is_judged_alone() {
    let app = open();
    let token = app.join("alice").await;
    app.post(json!({"content": "psst", "user": "carol", "recipient": "dave"})).await;
    let clients = [
        json!({"username": "new", "rooms": ["public"]}),
        json!({"username": "alice"}),
        json!({"token": token, "rooms": ["public", "nowhere"]}),
        json!({"token": token, "username": "bob"}),
        json!({"token": token, "rooms": ["public"]}),
        json!({"token": "none"}),
        json!({"ticket": "none"}),
        json!({"username": "a:b"}),
        json!({"username": "Dave"}),
        json!({"username": "carol"}),
        json!({"username": "passes by", "only_asks": true}),
        json!({"username": "NEW"}),
        json!({}),
    ];
    let answers = app.identify_all(&clients).await.json();
    let said = |answer: &Value| match answer.get("refused") {
        Some(problem) => problem["code"].as_str().unwrap().to_owned(),
        None => answer["identified"]["user"]["name"].as_str().unwrap_or("nobody").to_owned(),
    };
    let answers = answers["clients"].as_array().unwrap();
    let expected = [
        "new",
        "name_registered",
        "conversation_not_found",
        "not_you",
        "alice",
        "token_invalid",
        "ticket_invalid",
        "user_invalid",
        "dave",
        "carol",
        "passes by",
        "new",
        "nobody",
    ];
    assert_eq!(answers.iter().map(said).collect::<Vec<_>>(), expected);
    // Something waits for dave; carol has said it.
    let received = |at: usize| answers[at]["identified"]["received"].is_string();
    assert_eq!([0, 4, 8, 12].map(received), [true, true, false, false]);
    refused(&app.get("/users/passes%20by").await, 404, "user_not_found");
    assert_eq!(app.get("/users/new").await.status, 200);
    let too_many = vec![json!({}); MAX_IDENTIFIED + 1];
    refused(&app.identify_all(&too_many).await, 422, "batch_invalid");
    assert_eq!(app.identify_all(&[]).await.json(), json!({"clients": []}));
}

#[tokio::test]
async fn who_is_in_many_conversations_is_asked_about_by_themselves() {
    let app = open();
    let received = async || {
        let identified = app.identify(json!({"username": "bob"})).await.json();
        identified["received"].is_string()
    };
    let say = async |recipient: &str| {
        app.post(json!({"content": "hi", "user": "bob", "recipient": recipient})).await;
    };
    for number in 0..90 {
        say(&format!("user {number}")).await;
    }
    // What bob has said himself does not wait for him.
    assert!(received().await);
    for number in 90..110 {
        say(&format!("user {number}")).await;
    }
    assert!(!received().await);
}
