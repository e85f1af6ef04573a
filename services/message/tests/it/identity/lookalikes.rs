//! Names that people take for others.

use reqwest::Method;
use serde_json::json;

use super::{ADMIN_TOKEN, PASSWORD, open, refused};
use crate::app::App;

/// What is read as alice: with a dot that is there anyway, in Cyrillic, without a dot, with a large I.
const LIKE_ALICE: [&str; 4] = ["ali\u{307}ce", "\u{430}lice", "al\u{131}ce", "AIice"];

async fn say(app: &App, user: &str) -> crate::answer::Answer {
    app.send_as(Method::POST, "/messages", None, json!({"content": "hi", "user": user})).await
}

#[tokio::test]
async fn nobody_is_taken_for_somebody_whose_name_is_protected() {
    let app = open();
    let [before, after] = [&LIKE_ALICE[..2], &LIKE_ALICE[2..]];
    for name in before {
        assert_eq!(say(&app, name).await.status, 201, "nobody has it yet");
    }
    app.register("alice").await;
    // Whether they were here before, or come now.
    for name in before.iter().chain(after) {
        refused(&say(&app, name).await, 401, "name_registered");
        let mine = app.get(&format!("/conversations?user={name}")).await;
        refused(&mine, 401, "name_registered");
        let client = json!({"username": name, "rooms": ["public"]});
        refused(&app.identify(client).await, 401, "name_registered");
        let group = json!({"kind": "group", "name": "mine", "user": name});
        let group = app.send_as(Method::POST, "/conversations", None, group).await;
        refused(&group, 401, "name_registered");
        let session = json!({"username": name});
        let session = app.send_as(Method::POST, "/sessions", None, session).await;
        refused(&session, 401, "name_registered");
        for body in [json!({"username": name}), json!({"username": name, "password": PASSWORD})] {
            let answer = app.send_as(Method::POST, "/users", None, body).await;
            refused(&answer, 409, "name_confusable");
        }
    }
    // A group is made, a direct message is sent: those make somebody known, who is no less alike.
    let direct = json!({"content": "psst", "user": "bob", "recipient": "\u{430}l\u{131}ce"});
    assert_eq!(app.send_as(Method::POST, "/messages", None, direct).await.status, 201);
    refused(&say(&app, "\u{430}l\u{131}ce").await, 401, "name_registered");
    assert_eq!(say(&app, "alicé").await.status, 201);
    // Both in one commit: who is made known by the one is not for that reason believed by the other.
    let both = [("bob", Some("al\u{131}\u{307}ce")), ("al\u{131}\u{307}ce", None)].map(
        |(user, recipient)| {
            let body = json!({"content": "psst", "user": user, "recipient": recipient});
            let app = &app;
            async move { app.send_as(Method::POST, "/messages", None, body).await.status }
        },
    );
    assert_eq!(futures_util::future::join_all(both).await, [201, 401]);
    let token = app.token("alice").await;
    let own = app.send_as(Method::POST, "/messages", Some(&token), json!({"content": "me"})).await;
    assert_eq!(own.status, 201);
}

#[tokio::test]
async fn a_guest_does_not_protect_a_name_that_is_taken_for_another() {
    let app = open();
    let guest = app.sign_in_by_name("AIice").await;
    let ticket = app.send_as(Method::POST, "/tickets", Some(&guest), json!(null)).await.json();
    assert_eq!(app.get_as(&guest, "/users/me").await.status, 200);
    app.register("Alice").await;
    // What was good for the name alone is good for nothing now.
    refused(&app.get_as(&guest, "/users/me").await, 401, "token_invalid");
    let client = json!({"ticket": ticket["ticket"], "rooms": ["public"]});
    refused(&app.identify(client).await, 401, "ticket_invalid");
    let client = json!({"token": guest, "rooms": ["public"]});
    refused(&app.identify(client).await, 401, "token_invalid");
    // Nor over a socket that they had opened with it, and however they spell it now.
    for name in ["AIice", "aiice", "AIICE"] {
        refused(&say(&app, name).await, 401, "name_registered");
        for authenticated in [true, false] {
            for frame in
                [json!({"content": "hi"}), json!({"type": "typing", "conversation_id": "public"})]
            {
                let body = json!({
                    "user": {"name": "AIice", "key": "aiice"}, "authenticated": authenticated,
                    "origin": "connection-1", "frame": frame,
                });
                let reply = app.post_signed("/internal/frames", body).await.json()["reply"].clone();
                assert_eq!(reply["status"], 401, "{reply}");
            }
        }
    }
    // An admin who ends the protected one lets the others be.
    let end = json!({"deactivated": true});
    app.send_as(Method::PATCH, "/users/Alice", Some(ADMIN_TOKEN), end).await;
    assert_eq!(say(&app, "AIice").await.status, 201);
    // What differs in nothing that can be seen is no name of its own either.
    app.register("❤\u{fe0f} Zoe").await;
    refused(&say(&app, "❤ Zoe").await, 401, "name_registered");
}

impl App {
    /// Signs in with a name that anybody can use; returns the token.
    async fn sign_in_by_name(&self, name: &str) -> String {
        let body = json!({"username": name});
        let answer = self.send_as(Method::POST, "/sessions", None, body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["token"].as_str().unwrap().to_owned()
    }
}
