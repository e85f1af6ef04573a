//! `GET /conversations`: what is mine, in which order, page by page.

use serde_json::json;

use super::{ids, text};
use crate::{app::App, paging::link};

#[tokio::test]
async fn mine_are_listed_newest_activity_first() {
    let app = App::start();
    let al = app.someone("al");
    let direct = al.direct("bo").await;
    let group = al.group(&["cy"], "all").await;
    app.someone("bo").direct("cy").await;
    app.someone("bo").post("/conversations", json!({"kind": "room", "id": "hall"})).await;
    assert_eq!(ids(&al.list("").await), [&*group, &*direct, "public"]);
    app.someone("bo").say(&direct, "hi").await;
    assert_eq!(ids(&al.list("").await), [&*direct, &*group, "public"]);
    app.someone("bo").say("public", "hi").await;
    assert_eq!(ids(&al.list("").await), ["public", &*direct, &*group]);
    assert_eq!(ids(&al.list("?kind=direct").await), [&*direct]);
    assert_eq!(ids(&al.list("?kind=group").await), [&*group]);
    assert_eq!(ids(&al.list("?kind=room").await), ["public", "hall"]);
    let public = &al.list("").await[0];
    assert_eq!((&public["joined"], &public["unread"]), (&json!(true), &json!(1)));
    assert_eq!(public["last_message"]["content"], json!("hi"));
}

#[tokio::test]
async fn a_page_ends_where_the_next_begins() {
    let app = App::start();
    let al = app.someone("al");
    let mut all = vec!["public".to_owned()];
    for n in 0..6 {
        all.insert(0, al.direct(&format!("u {n}")).await);
    }
    let mut pages = Vec::new();
    let mut next = Some("/conversations?user=al&limit=3".to_owned());
    while let Some(target) = next {
        let answer = app.get(&target).await;
        let page = answer.json();
        pages.extend(page.as_array().unwrap().iter().map(|it| text(&it["id"])));
        next = link(&answer, "next").map(str::to_owned);
    }
    assert_eq!(pages, all);
    for (query, code) in [
        ("?limit=0", "invalid_limit"),
        ("?limit=201", "invalid_limit"),
        ("?before=x", "invalid_id"),
        ("?after=20240101120000.000000", "invalid_query"),
        ("?kind=club", "invalid_query"),
    ] {
        let answer = al.get(&format!("/conversations{query}")).await;
        assert_eq!(answer.refusal(), (400, code.to_owned()), "{query}");
    }
}

#[tokio::test]
async fn a_list_of_messages_leads_on_with_the_name_that_asked() {
    let app = App::start();
    let zoe = app.someone("Zoë B");
    let id = zoe.direct("al").await;
    for n in 0..3 {
        zoe.say(&id, &n.to_string()).await;
    }
    let answer = zoe.get(&format!("/conversations/{id}/messages?limit=2")).await;
    let link = answer.header("link").unwrap();
    let prev = link.trim_start_matches('<').split_once('>').unwrap().0;
    assert!(
        prev.starts_with("/conversations/dm:al:zo%C3%AB%20b/messages?user=Zo%C3%AB%20B&before=")
    );
    let rest = app.get(prev).await;
    assert_eq!((rest.status, &rest.json()[0]["content"]), (200, &json!("0")));
}

#[tokio::test]
async fn me_is_whoever_asks_in_the_lists_of_a_user() {
    let app = App::start();
    let (al, bo) = (app.someone("al"), app.someone("bo"));
    let id = al.direct("bo").await;
    for n in 0..2 {
        bo.say(&id, &n.to_string()).await;
    }
    let session = al.post("/sessions", json!({"username": "al"})).await.json();
    let token = session["token"].as_str().unwrap();
    for list in ["conversations", "messages"] {
        let named = app.get(&format!("/users/al/{list}?limit=1")).await;
        let shown = app.get_as(token, &format!("/users/me/{list}?limit=1")).await;
        let said = app.get(&format!("/users/me/{list}?limit=1&user=al")).await;
        for answer in [shown, said] {
            assert_eq!((answer.status, answer.json()), (200, named.json()), "{list}");
            assert_eq!(answer.header("link"), named.header("link"));
        }
        let nobody = app.get(&format!("/users/me/{list}")).await;
        assert_eq!(nobody.refusal(), (401, "user_missing".to_owned()));
    }
    let posted = app.post(json!({"content": "hi", "user": "me"})).await;
    assert_eq!(posted.refusal(), (422, "user_reserved".to_owned()));
}

#[tokio::test]
async fn what_somebody_else_would_list_goes_by_no_cursor_of_the_log() {
    let app = App::start();
    for list in ["users/bo/conversations", "users/bo/messages"] {
        let answer = app.get(&format!("/{list}?after=20240101120000.000000")).await;
        assert_eq!(answer.refusal(), (400, "invalid_query".to_owned()));
    }
}
