//! Where everybody has to sign in.

use reqwest::Method;
use serde_json::{Value, json};

use super::{PASSWORD, refused, required};
use crate::answer::Answer;

#[tokio::test]
async fn nothing_but_signing_in_is_open_to_those_who_have_not() {
    let app = required();
    app.register("alice").await;
    for (method, target, body) in [
        (Method::POST, "/messages", json!({"content": "hi"})),
        (Method::POST, "/messages", json!({"content": "hi", "user": "bob"})),
        (Method::GET, "/users", Value::Null),
        (Method::GET, "/users/alice", Value::Null),
        (Method::GET, "/users/nobody", Value::Null),
        (Method::GET, "/users/me?user=bob", Value::Null),
        (Method::PATCH, "/users/me?user=bob", json!({"display_name": "B"})),
        (Method::PATCH, "/users/alice", json!({"admin": true})),
        (Method::DELETE, "/sessions/current", Value::Null),
        (Method::POST, "/tickets?user=bob", Value::Null),
    ] {
        let answer = app.send_as(method.clone(), target, None, body).await;
        refused(&answer, 401, "token_missing");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{method} {target}");
    }
    for body in [json!({}), json!({"username": "bob"}), json!({"rooms": ["nowhere"]})] {
        refused(&app.identify(body).await, 401, "token_missing");
    }
}

#[tokio::test]
async fn those_who_have_signed_in_post_under_their_name() {
    let app = required();
    let body = json!({"username": "Alice", "password": PASSWORD, "display_name": "Al"});
    assert_eq!(app.send_as(Method::POST, "/users", None, body).await.status, 201);
    let token = app.token("alice").await;
    let post = async |body| app.send_as(Method::POST, "/messages", Some(&token), body).await;
    let answer = post(json!({"content": "hi"})).await;
    assert_eq!((answer.status, &answer.json()["user"]), (201, &json!("Alice")));
    // Nobody is made up for a name that nobody has registered.
    refused(&post(json!({"content": "hi", "recipient": "nobody"})).await, 404, "user_not_found");
}

#[tokio::test]
async fn a_group_that_cannot_be_made_says_whose_name_it_is() {
    let app = required();
    let alice = app.join("alice").await;
    app.register("bob").await;
    let body = json!({"kind": "group", "name": "x", "members": ["bob", "bib", "alice"]});
    let answer = app.send_as(Method::POST, "/conversations", Some(&alice), body).await;
    refused(&answer, 404, "user_not_found");
    let problem = answer.problem();
    assert!(problem.detail.contains("called bib"), "{}", problem.detail);
    assert_eq!(problem.errors[0].field, "members");
}

#[tokio::test]
async fn who_asks_is_asked_before_what_they_say_is_looked_at() {
    let app = required();
    let alice = app.join("alice").await;
    for (target, as_they_know_it) in [
        ("/messages", 422),
        ("/conversations", 422),
        ("/conversations/resolve", 422),
        ("/conversations/public/read", 422),
        ("/receipts", 422),
        ("/TaskMgt/api/messages", 400),
    ] {
        let send = async |token: Option<&str>| {
            let request = app.request(Method::POST, target).json(&json!({}));
            let request = token.into_iter().fold(request, |request, it| request.bearer_auth(it));
            Answer::to(request).await
        };
        refused(&send(None).await, 401, "token_missing");
        refused(&send(Some("forged")).await, 401, "token_invalid");
        assert_eq!(send(Some(&alice)).await.status, as_they_know_it, "{target}");
        let form = app.request(Method::POST, target).header("content-type", "text/plain");
        refused(&Answer::to(form.body("x")).await, 401, "token_missing");
    }
    for target in ["/users", "/sessions"] {
        let request = app.request(Method::POST, target).bearer_auth("forged");
        refused(&Answer::to(request.json(&json!({}))).await, 422, "invalid_body");
    }
}
