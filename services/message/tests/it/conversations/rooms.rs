//! Rooms: for everybody, joined or not.

use std::cell::Cell;

use serde_json::json;

use super::{ids, roles, text};
use crate::{app::App, paging::link};

#[tokio::test]
async fn a_room_is_made_joined_left_and_open_to_all() {
    let app = App::start();
    let (al, bo) = (app.someone("al"), app.someone("bo"));
    let answer = al.post("/conversations", json!({"kind": "room", "name": "Garden Talk!"})).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let room = answer.json();
    assert_eq!((&room["id"], &room["name"]), (&json!("garden-talk"), &json!("Garden Talk!")));
    assert_eq!((&room["member_count"], &room["role"]), (&json!(1), &json!("owner")));
    assert!(room.get("members").is_none() && room.get("history").is_none(), "{room}");

    // Without joining, everybody reads and writes.
    bo.say("garden-talk", "hi").await;
    assert_eq!(app.someone("cy").hears("garden-talk").await, ["hi"]);
    let seen = bo.sees("garden-talk").await;
    assert_eq!((&seen["joined"], &seen["unread"]), (&json!(false), &json!(0)));
    assert!(!ids(&bo.list("").await).contains(&"garden-talk"));

    let members = "/conversations/garden-talk/members";
    let joined = bo.put(&format!("{members}/bo"), None).await;
    assert_eq!((joined.status, &joined.json()["role"]), (201, &json!("member")));
    assert_eq!(bo.put(&format!("{members}/bo"), None).await.status, 200);
    assert!(ids(&bo.list("").await).contains(&"garden-talk"));
    assert_eq!(bo.sees("garden-talk").await["member_count"], json!(2));
    assert_eq!(al.roster("garden-talk").await, roles(&[("al", "owner"), ("bo", "member")]));
    assert_eq!(bo.delete(&format!("{members}/bo")).await.status, 204);
    assert_eq!(bo.sees("garden-talk").await["member_count"], json!(1));
    let twice = bo.delete(&format!("{members}/bo")).await;
    assert_eq!(twice.refusal(), (404, "member_not_found".to_owned()));
}

#[tokio::test]
async fn all_rooms_are_listed_newest_activity_first_page_by_page() {
    let app = App::start();
    let al = app.someone("al");
    for n in 0..5 {
        al.post("/conversations", json!({"kind": "room", "id": format!("r{n}")})).await;
    }
    al.group(&["bo"], "all").await;
    al.say("r1", "here").await;
    al.say("public", "and here").await;
    let all = ["public", "r1", "r4", "r3", "r2", "r0"];
    assert_eq!(ids(&app.someone("bo").list("?kind=room").await), all);
    // Nobody in particular sees the rooms, and nothing else.
    let anonymous = app.get("/conversations").await.json();
    assert_eq!(ids(anonymous.as_array().unwrap()), all);
    assert_eq!(app.get("/conversations?kind=group").await.json(), json!([]));

    let mut pages = Vec::new();
    let mut next = Some("/conversations?kind=room&limit=4".to_owned());
    while let Some(target) = next {
        let answer = app.get(&target).await;
        let page = answer.json();
        pages.extend(ids(page.as_array().unwrap()).into_iter().map(str::to_owned));
        next = link(&answer, "next").map(str::to_owned);
        assert_eq!(answer.header("x-has-more"), Some(&*next.is_some().to_string()));
    }
    assert_eq!(pages, all);
}

#[tokio::test]
async fn ids_of_rooms_are_slugs_of_their_own() {
    let app = App::start();
    let al = app.someone("al");
    for (body, refusal) in [
        (json!({"kind": "room", "id": "public"}), (409, "room_taken")),
        (json!({"kind": "room", "name": "Public"}), (409, "room_taken")),
        (json!({"kind": "room", "id": "g-1"}), (422, "room_id_invalid")),
        (json!({"kind": "room", "id": "resolve"}), (422, "room_id_invalid")),
        (json!({"kind": "room", "id": "dm:a:b"}), (422, "room_id_invalid")),
        (json!({"kind": "room", "id": "A"}), (422, "room_id_invalid")),
        (json!({"kind": "room", "name": "愛"}), (422, "room_id_invalid")),
        (json!({"kind": "room", "name": "Straße 5"}), (422, "room_id_invalid")),
        (json!({"kind": "room", "name": "!"}), (422, "room_id_invalid")),
        (json!({"kind": "room", "id": "x", "history": "joined"}), (422, "history_invalid")),
        (json!({"kind": "room"}), (422, "name_invalid")),
        (json!({"kind": "room", "id": "x", "name": "a\u{202e}b"}), (422, "name_invalid")),
        (json!({"kind": "room", "id": "x", "name": "\u{2800}"}), (422, "name_invalid")),
        (json!({"kind": "room", "id": "x", "name": "two\nlines"}), (422, "name_invalid")),
    ] {
        let answer = al.post("/conversations", body.clone()).await;
        assert_eq!(answer.refusal(), (refusal.0, refusal.1.to_owned()), "{body}");
    }
    let answer = al.post("/conversations", json!({"kind": "room", "id": "ai", "name": "愛"})).await;
    assert_eq!((answer.status, text(&answer.json()["name"])), (201, "愛".to_owned()));
    let answer = al.patch("/conversations/ai", json!({"name": "AI"})).await;
    assert_eq!((answer.status, text(&answer.json()["name"])), (200, "AI".to_owned()));
    let answer = al.patch("/conversations/ai", json!({"history": "joined"})).await;
    assert_eq!(answer.refusal(), (422, "history_invalid".to_owned()));
}

#[tokio::test]
async fn nobody_owns_the_public_room() {
    let app = App::start();
    let al = app.someone("al");
    app.someone("bo").say("public", "hi").await;
    for answer in [
        al.patch("/conversations/public", json!({"name": "Mine"})).await,
        al.put("/conversations/public/members/al", Some(json!({"role": "owner"}))).await,
        al.delete("/conversations/public/members/bo").await,
        al.put("/conversations/public/members/cy", None).await,
    ] {
        assert_eq!(answer.refusal(), (403, "forbidden".to_owned()));
    }
}

#[tokio::test]
async fn a_room_is_not_given_the_id_of_what_is_left_of_its_name() {
    let app = App::start();
    let al = app.someone("al");
    let made = al.post("/conversations", json!({"kind": "room", "name": "Ünï & Crème"})).await;
    assert_eq!(text(&made.json()["id"]), "uni-creme");
    let refused = al.post("/conversations", json!({"kind": "room", "name": "日本 2"})).await;
    let problem = refused.problem();
    assert_eq!((problem.status, &*problem.errors[0].field), (422, "id"));
    assert!(problem.detail.contains("send one in id"), "{}", problem.detail);
}

/// A client that counts who comes and goes after it has loaded, counts right.
#[tokio::test]
async fn what_is_counted_is_counted_up_to_the_cursor() {
    const ROUNDS: usize = 150;
    let app = App::start();
    let (al, bo) = (app.someone("al"), app.someone("bo"));
    al.post("/conversations", json!({"kind": "room", "id": "garden"})).await;
    let start = al.get("/conversations/garden").await.header("x-event-cursor").unwrap().to_owned();
    let is_over = Cell::new(false);
    let changing = async {
        for _ in 0..ROUNDS {
            assert_eq!(bo.put("/conversations/garden/members/bo", None).await.status, 201);
            assert_eq!(bo.delete("/conversations/garden/members/bo").await.status, 204);
        }
        is_over.set(true);
    };
    let loading = async {
        let mut loads = Vec::new();
        while !is_over.get() {
            for target in ["/conversations/garden", "/conversations?kind=room"] {
                let answer = al.get(target).await;
                let cursor = answer.header("x-event-cursor").unwrap().to_owned();
                let (shown, listed) = (answer.json(), answer.json());
                let garden =
                    listed.as_array().and_then(|all| all.iter().find(|it| it["id"] == "garden"));
                loads.push((cursor, garden.unwrap_or(&shown)["member_count"].as_i64().unwrap()));
            }
        }
        loads
    };
    let ((), loads) = futures_util::future::join(changing, loading).await;
    let (mut after, mut changes) = (start, Vec::new());
    loop {
        let page = al.get(&format!("/sync?after={after}&rooms=garden&limit=200")).await.json();
        for event in page["events"].as_array().unwrap() {
            let change = if event["action"] == "joined" { 1 } else { -1 };
            changes.push((text(&event["id"]), change));
        }
        after = text(&page["next"]);
        if page["has_more"] == false {
            break;
        }
    }
    assert_eq!(changes.len(), 2 * ROUNDS);
    for (cursor, count) in &loads {
        let until = changes.iter().filter(|(id, _)| id <= cursor);
        assert_eq!(*count, 1 + until.map(|(_, change)| change).sum::<i64>(), "at {cursor}");
    }
    assert!(loads.len() > 10, "there were hardly any loads");
}
