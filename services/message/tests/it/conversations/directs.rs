//! The conversation of two.

use serde_json::{Value, json};

use super::{ids, text};
use crate::{answer::Answer, app::App};

async fn resolve(app: &App, body: Value) -> Answer {
    let request = app.request(reqwest::Method::POST, "/conversations/resolve").json(&body);
    Answer::to(request).await
}

#[tokio::test]
async fn two_users_have_one_conversation_however_it_is_asked_for() {
    let app = App::start();
    let first = resolve(&app, json!({"user": "Zoë B", "recipient": "Al"})).await;
    assert_eq!(first.status, 201, "{first:?}");
    let id = text(&first.json()["id"]);
    assert_eq!(id, "dm:al:zoë b");
    let place = "/conversations/dm:al:zo%C3%AB%20b";
    assert_eq!(first.header("location"), Some(place));
    assert!(first.json().get("name").is_none(), "{first:?}");
    for body in [
        json!({"user": "ZOË B", "recipient": "al"}),
        json!({"user1": "AL", "user2": "zoë b"}),
        json!({"users": ["Zoë B", "aL"]}),
        json!({"sender": "al", "to": "zoë b"}),
        json!({"senderId": "al", "receiverId": "zoë b"}),
    ] {
        let again = resolve(&app, body.clone()).await;
        assert_eq!((again.status, text(&again.json()["id"])), (200, id.clone()), "{body}");
        assert_eq!(again.header("location"), None);
    }
    // Each finds it, by the id in the path too.
    for name in ["al", "zoë b"] {
        let someone = app.someone(name);
        assert_eq!(ids(&someone.list("?kind=direct").await), [id.as_str()]);
        assert_eq!(someone.get(place).await.status, 200);
    }
    assert_eq!(app.someone("al").list("?kind=direct").await.len(), 1);
}

#[tokio::test]
async fn what_is_no_pair_is_refused() {
    let app = App::start();
    for (body, refusal) in [
        (json!({"user": "al", "recipient": "AL"}), (422, "recipient_is_self")),
        (json!({"user": "al"}), (422, "recipient_missing")),
        (json!({"recipient": "al"}), (401, "user_missing")),
        (json!({"users": ["al"]}), (422, "users_invalid")),
        (json!({"users": ["a", "b", "c"]}), (422, "users_invalid")),
        (json!({"user": "al", "recipient": "b:c"}), (422, "user_invalid")),
        (json!({"user": "", "recipient": "bo"}), (422, "user_empty")),
    ] {
        let answer = resolve(&app, body.clone()).await;
        assert_eq!(answer.refusal(), (refusal.0, refusal.1.to_owned()), "{body}");
    }
}

#[tokio::test]
async fn a_private_message_makes_the_conversation_and_says_for_whom_it_is() {
    let app = App::start();
    let (al, bo) = (app.someone("Al"), app.someone("Bo"));
    let sent = app.post(json!({"content": "psst", "user": "Al", "recipient": "Bo"})).await.json();
    let id = text(&sent["conversation_id"]);
    assert_eq!(sent["recipient"], json!("Bo"));
    assert_eq!(bo.hears(&id).await, ["psst"]);
    let back = bo.say(&id, "yes?").await;
    assert_eq!(back["recipient"], json!("Al"));
    let seen = al.sees(&id).await;
    assert_eq!((&seen["kind"], &seen["unread"]), (&json!("direct"), &json!(1)));
    assert_eq!(seen["last_message"], back);
    bo.reads(&id, 2).await;
    let listed = al.list("?kind=direct").await;
    assert_eq!(listed[0]["members"][1]["read_seq"], json!(2));
    let messages = al.get(&format!("/conversations/{id}/messages")).await.json();
    assert_eq!(messages[0]["status"], json!("read"));
}

#[tokio::test]
async fn the_path_says_where_a_post_goes() {
    let app = App::start();
    let al = app.someone("al");
    let id = al.direct("bo").await;
    let target = format!("/conversations/{id}/messages");
    for body in [
        json!({"content": "x", "conversation_id": "public"}),
        json!({"content": "x", "recipient": "bo"}),
    ] {
        assert_eq!(al.post(&target, body).await.refusal(), (422, "target_ambiguous".to_owned()));
    }
    let answer = al.post(&target, json!({"content": "x", "conversation_id": id})).await;
    assert_eq!(answer.status, 201);
}
