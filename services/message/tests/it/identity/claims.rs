//! Names as given, beside credentials.

use reqwest::Method;
use serde_json::{Value, json};

use super::{ADMIN_TOKEN, SPELLINGS, open, refused};

#[tokio::test]
async fn nobody_takes_a_registered_name_however_it_is_spelt() {
    let app = open();
    app.register("alice").await;
    for name in SPELLINGS {
        let encoded = name.replace(' ', "%20");
        let post = |target| app.send_as(Method::POST, target, None, json!({"username": name}));
        for answer in [
            app.post(json!({"content": "hi", "user": name})).await,
            post("/sessions").await,
            post("/tickets").await,
            app.identify(json!({"username": name})).await,
            app.get(&format!("/users/me?user={encoded}")).await,
            app.get(&format!("/users?user={encoded}")).await,
        ] {
            refused(&answer, 401, "name_registered");
        }
        refused(&post("/users").await, 409, "name_taken");
    }
    assert_eq!(app.list("").await, [Value::Null; 0]);
}

#[tokio::test]
async fn a_credential_is_for_one_user() {
    let app = open();
    let token = app.join("Alice").await;
    let post = async |body: Value| app.send_as(Method::POST, "/messages", Some(&token), body).await;
    for name in SPELLINGS {
        let answer = post(json!({"content": "hi", "user": name})).await;
        assert_eq!((answer.status, &answer.json()["user"]), (201, &json!("Alice")), "{name}");
        let target = format!("/users/me?user={}", name.replace(' ', "%20"));
        assert_eq!(app.get_as(&token, &target).await.status, 200);
    }
    for answer in [
        post(json!({"content": "hi", "user": "bob"})).await,
        app.get_as(&token, "/users/me?user=bob").await,
        app.send_as(Method::POST, "/tickets", Some(&token), json!({"user": "bob"})).await,
        app.identify(json!({"token": token, "username": "bob"})).await,
    ] {
        refused(&answer, 403, "not_you");
    }
}

#[tokio::test]
async fn a_token_that_is_not_valid_is_never_taken_for_none() {
    let app = open();
    for token in ["", "x", "a.b.c", "null", "undefined"] {
        for (method, target, body) in [
            (Method::POST, "/messages", json!({"content": "hi", "user": "bob"})),
            (Method::GET, "/users/me?user=bob", Value::Null),
            (Method::GET, "/users", Value::Null),
            (Method::POST, "/tickets?user=bob", Value::Null),
        ] {
            let answer = app.send_as(method, target, Some(token), body).await;
            refused(&answer, 401, "token_invalid");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{target}");
        }
    }
    // Another scheme is for a proxy in front, which passes it on.
    let request = app.request(Method::GET, "/users").basic_auth("proxy", Some("x"));
    assert_eq!(crate::answer::Answer::to(request).await.status, 200);
}

#[tokio::test]
async fn the_operator_is_nobody_and_may_do_what_admins_may() {
    let app = open();
    app.register("alice").await;
    assert_eq!(app.get_as(ADMIN_TOKEN, "/users").await.status, 200);
    refused(&app.get_as(ADMIN_TOKEN, "/users/me").await, 401, "user_missing");
    refused(&app.get_as(ADMIN_TOKEN, "/users/me?user=alice").await, 403, "not_you");
    let body = json!({"content": "hi"});
    let answer = app.send_as(Method::POST, "/messages", Some(ADMIN_TOKEN), body).await;
    refused(&answer, 401, "user_missing");
    let near = format!("{ADMIN_TOKEN}.");
    refused(&app.get_as(&near, "/users").await, 401, "token_invalid");
}

#[tokio::test]
async fn in_open_mode_nobody_in_particular_may_look_and_post() {
    let app = open();
    let answer = app.post(json!({"content": "hi"})).await;
    assert!(answer.json()["user"].as_str().unwrap().starts_with("guest-"), "{answer:?}");
    assert_eq!(app.get("/users").await.status, 200);
    for (method, target) in [(Method::GET, "/users/me"), (Method::POST, "/tickets")] {
        let answer = app.send_as(method, target, None, Value::Null).await;
        refused(&answer, 401, "user_missing");
    }
    let nobody = app.identify(json!({"rooms": ["public"]})).await;
    let expected = json!({
        "user": null, "authenticated": false, "expires_at": null, "epoch": 0, "rooms": ["public"],
    });
    assert_eq!((nobody.status, nobody.json()), (200, expected));
}

#[tokio::test]
async fn a_name_that_is_made_up_is_nobody_s_who_has_registered_it() {
    let app = open();
    let unnamed = json!({"content": "hi", "client_msg_id": "k2"});
    let name = message_service::chat::username::Username::guest(Some("k2"));
    app.register(name.as_str()).await;
    refused(&app.post(unnamed).await, 401, "name_registered");
    assert_eq!(app.list("").await, [Value::Null; 0]);
}
