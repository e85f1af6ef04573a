//! The life of a group.

use serde_json::json;

use super::{roles, text};
use crate::app::App;

#[tokio::test]
async fn a_group_is_made_with_its_maker_as_owner() {
    let app = App::start();
    let al = app.someone("Al");
    let body = json!({"kind": "group", "name": " Café ☕ ", "members": ["Bo", "AL", "bo", "cy"]});
    let answer = al.post("/conversations", body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let group = answer.json();
    let id = text(&group["id"]);
    assert!(id.starts_with("g-"), "{id}");
    assert_eq!(answer.header("location"), Some(&*format!("/conversations/{id}")));
    let member =
        |user, role| json!({"user": user, "role": role, "read_seq": 0, "delivered_seq": 0});
    let expected = json!({
        "id": id, "kind": "group", "name": "Café ☕", "history": "all", "created_by": "Al",
        "created_at": group["created_at"], "last_seq": 0,
        "members": [member("Al", "owner"), member("Bo", "member"), member("cy", "member")],
        "joined": true, "role": "owner", "unread": 0, "mentions": 0, "read_seq": 0,
    });
    assert_eq!(answer.text(), expected.to_string());
    assert_eq!(al.sees(&id).await, expected);
    assert_eq!(app.someone("bo").sees(&id).await["role"], json!("member"));
    assert_eq!(app.someone("bo").list("").await[0]["id"], json!(id));
}

#[tokio::test]
async fn owners_add_remove_and_give_roles() {
    let app = App::start();
    let (al, bo) = (app.someone("al"), app.someone("bo"));
    let id = al.group(&["bo"], "all").await;
    let members = format!("/conversations/{id}/members");
    let added = al.put(&format!("{members}/John%20D%C3%B6e"), None).await;
    assert_eq!(added.status, 201, "{added:?}");
    assert_eq!(added.header("location"), Some(&*format!("{members}/John%20D%C3%B6e")));
    assert_eq!(added.json()["user"], json!("John Döe"));
    assert_eq!(added.json()["role"], json!("member"));
    let again = al.put(&format!("{members}/JOHN%20D%C3%B6e"), None).await;
    assert_eq!((again.status, again.json()), (200, added.json()));

    let raised = al.put(&format!("{members}/bo"), Some(json!({"role": "owner"}))).await;
    assert_eq!((raised.status, &raised.json()["role"]), (200, &json!("owner")));
    assert_eq!(bo.delete(&format!("{members}/john%20d%C3%B6e")).await.status, 204);
    let expected = roles(&[("al", "owner"), ("bo", "owner")]);
    assert_eq!(al.roster(&id).await, expected);
    let gone = bo.delete(&format!("{members}/john%20d%C3%B6e")).await;
    assert_eq!(gone.refusal(), (404, "member_not_found".to_owned()));
    let lowered = bo.put(&format!("{members}/al"), Some(json!({"role": "member"}))).await;
    assert_eq!((lowered.status, &lowered.json()["role"]), (200, &json!("member")));
}

#[tokio::test]
async fn when_the_last_owner_leaves_the_longest_member_becomes_one() {
    let app = App::start();
    let al = app.someone("al");
    let id = al.group(&["zoe"], "all").await;
    for name in ["bo", "cy"] {
        assert_eq!(al.put(&format!("/conversations/{id}/members/{name}"), None).await.status, 201);
    }
    assert_eq!(al.delete(&format!("/conversations/{id}/members/al")).await.status, 204);
    let expected = roles(&[("bo", "member"), ("cy", "member"), ("zoe", "owner")]);
    assert_eq!(app.someone("bo").roster(&id).await, expected);
    let left = al.get(&format!("/conversations/{id}")).await;
    assert_eq!(left.refusal(), (404, "conversation_not_found".to_owned()));
}

#[tokio::test]
async fn an_owner_who_steps_down_passes_it_on_unless_alone() {
    let app = App::start();
    let al = app.someone("al");
    let id = al.group(&[], "all").await;
    let member = Some(json!({"role": "member"}));
    let alone = al.put(&format!("/conversations/{id}/members/al"), member.clone()).await;
    assert_eq!(alone.refusal(), (403, "forbidden".to_owned()));
    al.put(&format!("/conversations/{id}/members/bo"), None).await;
    let passed = al.put(&format!("/conversations/{id}/members/al"), member).await;
    assert_eq!(passed.status, 200, "{passed:?}");
    assert_eq!(al.roster(&id).await, roles(&[("al", "member"), ("bo", "owner")]));
}

#[tokio::test]
async fn who_comes_later_sees_everything_or_only_what_follows() {
    let app = App::start();
    let (al, bo) = (app.someone("al"), app.someone("bo"));
    for (history, heard) in [("all", &["old", "new"][..]), ("joined", &["new"][..])] {
        let id = al.group(&[], history).await;
        let old = al.say(&id, "old").await;
        al.put(&format!("/conversations/{id}/members/bo"), None).await;
        let seen = bo.sees(&id).await;
        assert_eq!((&seen["unread"], &seen["read_seq"]), (&json!(0), &json!(1)), "{history}");
        assert_eq!(seen.get("last_message").is_some(), history == "all");
        let listed = bo.list("?kind=group").await;
        assert_eq!(listed[0].get("last_message").is_some(), history == "all");
        al.say(&id, "new").await;
        assert_eq!(bo.hears(&id).await, heard);
        assert_eq!(bo.sees(&id).await["last_message"]["content"], json!("new"));
        assert_eq!(bo.sees(&id).await["unread"], json!(1));
        let old = text(&old["id"]);
        let inbox = bo.get("/users/bo/messages").await.json();
        let has_old = inbox.as_array().unwrap().iter().any(|it| it["id"] == json!(old));
        assert_eq!(has_old, history == "all", "{inbox}");
        bo.delete(&format!("/conversations/{id}/members/bo")).await;
    }
}

#[tokio::test]
async fn a_name_and_a_rule_are_changed_by_owners() {
    let app = App::start();
    let al = app.someone("al");
    let id = al.group(&["bo"], "all").await;
    let place = format!("/conversations/{id}");
    let answer = al.patch(&place, json!({"name": "New", "history": "joined"})).await;
    let fields = (answer.status, &answer.json()["name"], &answer.json()["history"]);
    assert_eq!(fields, (200, &json!("New"), &json!("joined")));
    assert_eq!(app.someone("bo").sees(&id).await["name"], json!("New"));
    let same = al.patch(&place, json!({})).await;
    assert_eq!((same.status, &same.json()["name"]), (200, &json!("New")));
    for (body, code) in [
        (json!({"name": ""}), "name_invalid"),
        (json!({"name": "x".repeat(81)}), "name_invalid"),
        (json!({"history": "none"}), "invalid_body"),
    ] {
        assert_eq!(al.patch(&place, body).await.refusal(), (422, code.to_owned()));
    }
}

#[tokio::test]
async fn what_cannot_be_made_is_refused_and_leaves_nothing() {
    let app = App::start();
    let al = app.someone("al");
    let crowd: Vec<_> = (0..1_000).map(|n| format!("u{n}")).collect();
    for (body, refusal) in [
        (json!({"kind": "group"}), (422, "name_invalid")),
        (json!({"kind": "group", "name": "x", "members": ["a:b"]}), (422, "user_invalid")),
        (json!({"kind": "group", "name": "x", "id": "mine"}), (422, "id_invalid")),
        (json!({"kind": "direct", "name": "x"}), (422, "kind_invalid")),
        (json!({"kind": "club", "name": "x"}), (422, "invalid_body")),
        (json!({"name": "x"}), (422, "invalid_body")),
        (json!({"kind": "group", "name": "x", "members": crowd}), (409, "group_full")),
    ] {
        let answer = al.post("/conversations", body.clone()).await;
        assert_eq!(answer.refusal(), (refusal.0, refusal.1.to_owned()), "{body}");
    }
    assert_eq!(al.list("?kind=group").await, Vec::<serde_json::Value>::new());
    let body = json!({"kind": "group", "name": "x"});
    let request = app.request(reqwest::Method::POST, "/conversations").json(&body);
    let answer = crate::answer::Answer::to(request).await;
    assert_eq!(answer.refusal(), (401, "user_missing".to_owned()));
}

#[tokio::test]
async fn a_reply_does_not_tell_whether_there_is_what_one_may_not_read() {
    let app = App::start();
    let (al, bo) = (app.someone("al"), app.someone("bo"));
    let id = al.group(&[], "joined").await;
    let hidden = al.say(&id, "old").await;
    al.put(&format!("/conversations/{id}/members/bo"), None).await;
    let seen = al.say(&id, "new").await;
    let reply = async |to: &serde_json::Value| {
        let body = json!({"content": "yes", "reply_to": to});
        bo.post(&format!("/conversations/{id}/messages"), body).await
    };
    let nothing = reply(&json!("20240101120000.123456")).await;
    assert_eq!(nothing.refusal(), (422, "reply_not_found".to_owned()));
    assert_eq!(reply(&hidden["id"]).await.refusal(), nothing.refusal());
    assert_eq!(reply(&seen["id"]).await.status, 201);
}
