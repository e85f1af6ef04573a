//! A repeated post is one post.

use std::collections::HashSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{answer::Answer, app::App};

/// Posts with an `Idempotency-Key`.
async fn post_with(app: &App, key: &str, body: Value) -> Answer {
    let request = app.request(Method::POST, "/messages").header("idempotency-key", key);
    Answer::to(request.json(&body)).await
}

#[track_caller]
fn assert_replay(answer: &Answer, first: &Answer) {
    assert_eq!((first.status, first.header("idempotency-replayed")), (201, None), "{first:?}");
    assert_eq!(
        (answer.status, answer.header("idempotency-replayed")),
        (200, Some("true")),
        "{answer:?}"
    );
    assert_eq!(answer.text(), first.text());
}

#[tokio::test]
async fn a_repeat_is_answered_with_the_first_message() {
    let app = App::start();
    let body = json!({"content": "once", "user": "alice", "client_msg_id": "k-1"});
    let first = app.post(body.clone()).await;
    assert_eq!(first.json()["client_msg_id"], json!("k-1"));
    app.say("something else in between").await;
    assert_replay(&app.post(body).await, &first);
    let shouted = json!({"content": " once ", "user": "ALICE", "client_msg_id": "k-1"});
    assert_replay(&app.post(shouted).await, &first);
    assert_eq!(app.list("").await.len(), 2);
}

#[tokio::test]
async fn the_header_bare_or_quoted_is_the_same_key_as_the_field() {
    let app = App::start();
    let body = json!({"content": "once", "user": "alice"});
    let first = post_with(&app, "k-1", body.clone()).await;
    assert_replay(&post_with(&app, "k-1", body.clone()).await, &first);
    assert_replay(&post_with(&app, "\"k-1\"", body.clone()).await, &first);
    let in_both = json!({"content": "once", "user": "alice", "client_msg_id": "k-1"});
    assert_replay(&app.post(in_both.clone()).await, &first);
    assert_replay(&post_with(&app, "k-1", in_both.clone()).await, &first);
    let answer = post_with(&app, "k-2", in_both).await;
    assert_eq!(answer.refusal(), (400, "idempotency_key_mismatch".to_owned()));
    assert_eq!(app.list("").await.len(), 1);
}

#[tokio::test]
async fn a_key_cannot_be_used_for_another_message() {
    let app = App::start();
    let first = post_with(&app, "k", json!({"content": "this", "user": "alice"})).await;
    let answer = post_with(&app, "k", json!({"content": "that", "user": "alice"})).await;
    assert_eq!(answer.refusal(), (422, "idempotency_key_reused".to_owned()));
    assert_eq!(answer.problem().errors[0].field, "client_msg_id");
    assert_eq!(app.list("").await, [first.json()]);
}

#[tokio::test]
async fn a_key_belongs_to_its_user() {
    let app = App::start();
    for user in ["alice", "bob"] {
        let answer = post_with(&app, "k", json!({"content": "mine", "user": user})).await;
        assert_eq!((answer.status, &answer.json()["user"]), (201, &json!(user)));
    }
    assert_eq!(app.list("").await.len(), 2);
}

#[tokio::test]
async fn a_guest_who_repeats_a_post_is_recognised() {
    let app = App::start();
    let first = post_with(&app, "k", json!({"content": "hi"})).await;
    assert_replay(&post_with(&app, "k", json!({"content": "hi"})).await, &first);
    let other = post_with(&app, "l", json!({"content": "hi"})).await;
    assert_ne!(other.json()["user"], first.json()["user"]);
}

#[tokio::test]
async fn a_key_is_remembered_across_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let body = json!({"content": "once", "user": "alice"});
    let first = post_with(&App::on(folder.path(), &[]), "k", body.clone()).await;
    let app = App::on(folder.path(), &[]);
    assert_replay(&post_with(&app, "k", body).await, &first);
    assert_eq!(app.list("").await.len(), 1);
}

#[tokio::test]
async fn fifty_repeats_at_once_make_one_message() {
    let app = App::start();
    let body = json!({"content": "once", "user": "alice"});
    let posts = (0..50).map(|_| post_with(&app, "k", body.clone()));
    let answers = futures_util::future::join_all(posts).await;
    let created = answers.iter().filter(|answer| answer.status == 201).count();
    let replayed = answers
        .iter()
        .filter(|answer| answer.header("idempotency-replayed") == Some("true"))
        .count();
    assert_eq!((created, replayed), (1, 49));
    let bodies: HashSet<_> = answers.iter().map(Answer::text).collect();
    assert_eq!(bodies.len(), 1);
    assert_eq!(app.list("").await, [answers[0].json()]);
}
