//! `/users/{user}/…`: the lists of one user.

use serde_json::{Value, json};

use super::{ids, text};
use crate::app::App;

#[tokio::test]
async fn a_user_has_conversations_and_what_others_sent_them() {
    let app = App::start();
    let (al, bo, cy) = (app.someone("al"), app.someone("bo"), app.someone("cy"));
    let (direct, group) = (al.direct("bo").await, al.group(&["bo", "cy"], "all").await);
    let mut sent = Vec::new();
    for n in 0..4 {
        sent.push(al.say(&direct, &format!("d{n}")).await);
        bo.say(&direct, "mine").await;
        sent.push(cy.say(&group, &format!("g{n}")).await);
        al.say("public", "for all").await;
    }
    let list = app.get("/users/bo/conversations").await;
    assert_eq!(ids(list.json().as_array().unwrap()), ["public", &*group, &*direct]);
    assert_eq!(list.json(), json!(bo.list("").await));
    assert!(list.header("x-event-cursor").is_some());

    let all = app.get("/users/BO/messages").await;
    let expected: Vec<_> = sent.iter().map(|message| &message["id"]).collect();
    let found = all.json();
    let found: Vec<_> = found.as_array().unwrap().iter().map(|it| &it["id"]).collect();
    assert_eq!(found, expected);
    assert_eq!(all.header("x-has-more"), Some("false"));

    let mut pages: Vec<Value> = Vec::new();
    let mut prev = Some("/users/bo/messages?limit=3".to_owned());
    while let Some(target) = prev {
        let answer = app.get(&target).await;
        let mut page = answer.json().as_array().unwrap().clone();
        page.append(&mut pages);
        pages = page;
        prev = answer.header("link").map(|link| {
            link.trim_start_matches('<').split_once(">; rel=\"prev\"").unwrap().0.to_owned()
        });
    }
    let pages: Vec<_> = pages.iter().map(|it| &it["id"]).collect();
    assert_eq!(pages, expected);
}

#[tokio::test]
async fn someone_who_has_not_come_yet_has_the_public_room_only() {
    let app = App::start();
    let list = app.get("/users/New%20One/conversations").await.json();
    assert_eq!(ids(list.as_array().unwrap()), ["public"]);
    assert_eq!(list[0]["joined"], json!(false));
    assert_eq!(app.get("/users/New%20One/messages").await.json(), json!([]));
    let refused = app.get("/users/a:b/messages").await;
    assert_eq!(refused.refusal(), (422, "user_invalid".to_owned()));
    let public = text(&list[0]["id"]);
    assert_eq!(public, "public");
}
