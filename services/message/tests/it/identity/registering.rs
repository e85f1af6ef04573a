//! `POST /users`, and the profiles that come of it.

use reqwest::Method;
use serde_json::{Value, json};

use super::{PASSWORD, SPELLINGS, open, refused, required};
use crate::app::App;

async fn post(app: &App, body: Value) -> crate::answer::Answer {
    app.send_as(Method::POST, "/users", None, body).await
}

#[tokio::test]
async fn a_name_belongs_to_whoever_registers_it_first() {
    let app = open();
    let body = json!({"username": " John Doe ", "password": PASSWORD, "display_name": "Jo 🦀"});
    let answer = post(&app, body).await;
    assert_eq!((answer.status, answer.header("location")), (201, Some("/users/John%20Doe")));
    let user = answer.json();
    let fields: Vec<_> = user.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["username", "display_name", "kind", "created_at"]);
    assert_eq!(
        (&user["username"], &user["display_name"], &user["kind"]),
        (&json!("John Doe"), &json!("Jo 🦀"), &json!("member"))
    );
    assert!(user["created_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(app.get(answer.header("location").unwrap()).await.json(), user);
    for name in ["John Doe", "JOHN DOE", "ｊohn doe"] {
        for body in [json!({"username": name}), json!({"username": name, "password": PASSWORD})] {
            refused(&post(&app, body).await, 409, "name_taken");
        }
    }
}

#[tokio::test]
async fn many_at_once_cannot_register_one_name_twice() {
    let app = open();
    let tries = SPELLINGS.iter().map(|name| post(&app, json!({"username": name})));
    let answers = futures_util::future::join_all(tries).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    let taken = answers.iter().filter(|answer| answer.status == 409).count();
    assert_eq!((made, taken), (1, SPELLINGS.len() - 1), "{answers:?}");
}

#[tokio::test]
async fn what_cannot_be_registered_is_said_by_field() {
    let app = open();
    for (body, status, field, code) in [
        (json!({"username": ""}), 422, "username", "user_empty"),
        (json!({"username": "a:b"}), 422, "username", "user_invalid"),
        (json!({"username": "x".repeat(65)}), 422, "username", "user_too_long"),
        (json!({"username": "a", "password": "7 chars"}), 422, "password", "password_too_short"),
        (
            json!({"username": "a", "password": "x".repeat(257)}),
            422,
            "password",
            "password_too_long",
        ),
        (json!({"username": "a", "display_name": " "}), 422, "display_name", "display_name_empty"),
    ] {
        let answer = post(&app, body.clone()).await;
        refused(&answer, status, code);
        assert_eq!(answer.problem().errors[0].field, field, "{body}");
    }
    refused(&post(&app, json!({"username": "Me"})).await, 422, "user_reserved");
    refused(&post(&app, json!({"password": PASSWORD})).await, 422, "invalid_body");
    let answer = required().send_as(Method::POST, "/users", None, json!({"username": "a"})).await;
    refused(&answer, 422, "password_missing");
}

#[tokio::test]
async fn a_guests_name_can_be_registered_where_names_are_taken_as_given() {
    let app = open();
    app.post(json!({"content": "hi", "user": "Bob"})).await;
    let guest = app.get("/users/bob").await.json();
    assert_eq!((&guest["username"], &guest["kind"]), (&json!("Bob"), &json!("guest")));
    let answer = post(&app, json!({"username": "bob", "password": PASSWORD})).await;
    assert_eq!((answer.status, answer.json()["kind"].clone()), (201, json!("member")));
    let post = app.post(json!({"content": "still me?", "user": "Bob"})).await;
    refused(&post, 401, "name_registered");
}

#[tokio::test]
async fn a_guest_who_is_left_over_keeps_the_name_where_everybody_signs_in() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::on(folder.path(), &[]);
    app.post(json!({"content": "hi", "user": "bob"})).await;
    let body = json!({"username": "carol"});
    let guest = app.send_as(Method::POST, "/sessions", None, body).await.json();
    drop(app);
    let app = App::on(folder.path(), &[("AUTH_MODE", "required")]);
    let answer = post(&app, json!({"username": "Bob", "password": PASSWORD})).await;
    refused(&answer, 409, "name_taken");
    // What a mere name was once given shows nothing now.
    let answer = app.get_as(guest["token"].as_str().unwrap(), "/users/me").await;
    refused(&answer, 401, "token_invalid");
}

#[tokio::test]
async fn one_changes_ones_own_profile() {
    let app = open();
    let token = app.join("alice").await;
    let patch = async |token: Option<&str>, target: &str, body| {
        app.send_as(Method::PATCH, target, token, body).await
    };
    let answer = patch(Some(&token), "/users/me", json!({"display_name": "Al"})).await;
    assert_eq!((answer.status, &answer.json()["display_name"]), (200, &json!("Al")));
    let me = app.get_as(&token, "/users/me").await.json();
    assert_eq!((&me["display_name"], &me["admin"]), (&json!("Al"), &json!(false)));
    let answer = patch(None, "/users/me", json!({"display_name": "X"})).await;
    refused(&answer, 401, "user_missing");
    let answer = patch(None, "/users/me?user=alice", json!({"display_name": "X"})).await;
    refused(&answer, 401, "name_registered");
    refused(&app.get("/users/me?user=unknown").await, 404, "user_not_found");
}

#[tokio::test]
async fn a_new_password_needs_the_present_one_and_ends_all_sessions() {
    let app = open();
    let (token, other) = (app.join("alice").await, app.token("alice").await);
    let patch = async |body| app.send_as(Method::PATCH, "/users/me", Some(&token), body).await;
    for (body, code) in [
        (json!({"password": "another password"}), "current_password_missing"),
        (json!({"password": "another password", "current_password": "no"}), "credentials_wrong"),
        (json!({"password": "short", "current_password": PASSWORD}), "password_too_short"),
    ] {
        refused(&patch(body).await, 422, code);
    }
    assert_eq!(app.get_as(&token, "/users/me").await.status, 200);
    let answer = patch(json!({"password": "another password", "current_password": PASSWORD})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    for old in [&token, &other] {
        refused(&app.get_as(old, "/users/me").await, 401, "token_invalid");
    }
    let fresh = answer.json()["token"].as_str().unwrap().to_owned();
    assert!(answer.header("set-cookie").unwrap().contains(&fresh));
    assert_eq!(app.get_as(&fresh, "/users/me").await.status, 200);
    refused(&app.sign_in("alice", PASSWORD).await, 401, "credentials_wrong");
    assert_eq!(app.sign_in("alice", "another password").await.status, 200);
}

#[tokio::test]
async fn many_at_once_cannot_each_protect_one_name() {
    let app = open();
    app.post(json!({"content": "hi", "user": "alice"})).await;
    let passwords: Vec<_> = (0..4).map(|n| format!("{PASSWORD} {n}")).collect();
    let protect = |password| {
        let body = json!({"user": "alice", "password": password});
        app.send_as(Method::PATCH, "/users/me?user=alice", None, body)
    };
    let tries = passwords.iter().map(protect);
    let answers = futures_util::future::join_all(tries).await;
    let done: Vec<_> = answers.iter().map(|answer| answer.status == 200).collect();
    assert_eq!(done.iter().filter(|done| **done).count(), 1, "{answers:?}");
    // The one who was told so has it.
    for (password, done) in passwords.iter().zip(done) {
        let status = app.sign_in("alice", password).await.status;
        assert_eq!(status, if done { 200 } else { 401 });
    }
}
