//! What is counted: what others said, that can be seen, and has not been read.

use serde_json::{Value, json};

use super::{Someone, text};
use crate::app::App;

async fn counts(someone: Someone<'_>, id: &str) -> (u64, u64) {
    let seen = someone.sees(id).await;
    let listed = someone.list("").await;
    let listed = listed.iter().find(|conversation| conversation["id"] == json!(id)).unwrap();
    let counts = |it: &Value| (it["unread"].as_u64().unwrap(), it["mentions"].as_u64().unwrap());
    assert_eq!(counts(&seen), counts(listed));
    counts(&seen)
}

#[tokio::test]
async fn own_messages_do_not_count_and_reading_ends_it() {
    let app = App::start();
    let (al, bo) = (app.someone("al"), app.someone("bo"));
    let id = al.group(&["bo"], "all").await;
    al.say(&id, "one @bo").await;
    bo.say(&id, "two @al @BO").await;
    al.say(&id, "three").await;
    assert_eq!(counts(bo, &id).await, (2, 1));
    assert_eq!(counts(al, &id).await, (1, 1));
    bo.reads(&id, 1).await;
    assert_eq!(counts(bo, &id).await, (1, 0));
    bo.reads(&id, 3).await;
    assert_eq!(counts(bo, &id).await, (0, 0));
    assert_eq!(counts(al, &id).await, (1, 1));
}

#[tokio::test]
async fn what_somebody_says_they_have_read_and_nothing_that_came_in_between() {
    let app = App::start();
    let (al, bo) = (app.someone("al"), app.someone("bo"));
    let id = al.group(&["bo"], "all").await;
    let read = async |someone: Someone<'_>| {
        let seen = someone.sees(&id).await;
        let members = seen["members"].as_array().unwrap();
        let own = members.iter().find(|member| member["user"] == seen["created_by"]);
        (seen["read_seq"].as_u64().unwrap(), own.unwrap()["read_seq"].as_u64().unwrap())
    };
    for expected in 1..=3 {
        al.say(&id, "hello").await;
        assert_eq!(read(al).await, (expected, expected), "on whatever device");
    }
    assert_eq!(read(bo).await, (0, 3), "and others see it");
    bo.say(&id, "wait").await;
    al.say(&id, "hello again").await;
    assert_eq!((read(al).await, counts(al, &id).await), ((3, 3), (1, 0)));
    assert_eq!((read(bo).await, counts(bo, &id).await), ((0, 3), (4, 0)));
    al.reads(&id, 5).await;
    al.say(&id, "ah").await;
    assert_eq!((read(al).await, counts(al, &id).await), ((6, 6), (0, 0)));
}

#[tokio::test]
async fn counts_are_exact_up_to_a_hundred() {
    let app = App::with(&[("DURABILITY", "relaxed")]);
    let (al, bo) = (app.someone("al"), app.someone("bo"));
    let id = al.direct("bo").await;
    for n in 1..=102 {
        if n % 2 == 0 {
            bo.say(&id, "mine").await;
        }
        al.say(&id, "hey @bo").await;
        if matches!(n, 99..=102) {
            assert_eq!(counts(bo, &id).await, (n.min(100), n.min(100)));
        }
    }
}

#[tokio::test]
async fn deleted_messages_do_not_count_and_edits_change_mentions() {
    let app = App::start();
    let (al, bo) = (app.someone("al"), app.someone("bo"));
    let id = al.group(&["bo"], "all").await;
    let mut said = Vec::new();
    for content in ["one @bo", "two @bo", "three", "four"] {
        said.push(format!("/messages/{}", text(&al.say(&id, content).await["id"])));
    }
    assert_eq!(counts(bo, &id).await, (4, 2));
    for (at, content, expected) in [
        (0, Some("one"), (4, 1)),
        (2, Some("three @bo"), (4, 2)),
        (1, None, (3, 1)),
        (1, None, (3, 1)),
        (3, None, (2, 1)),
    ] {
        let answer = match content {
            Some(content) => al.patch(&said[at], json!({"content": content})).await,
            None => al.delete(&said[at]).await,
        };
        assert!(answer.status < 300, "{answer:?}");
        assert_eq!(counts(bo, &id).await, expected);
    }
    let last = bo.sees(&id).await;
    assert_eq!(last["last_message"]["deleted"], json!(true));
    assert_eq!(last["last_message"]["content"], json!(""));
}

#[tokio::test]
async fn what_happens_to_a_message_is_told_to_those_who_may_read_it() {
    const THUMB: &str = "reactions/%F0%9F%91%8D";
    let app = App::start();
    let al = app.someone("al");
    let id = al.group(&["bo"], "joined").await;
    let old = text(&al.say(&id, "before cy came").await["id"]).to_owned();
    assert_eq!(al.put(&format!("/conversations/{id}/members/cy"), None).await.status, 201);
    let mut cursor = text(&al.say(&id, "after").await["id"]).to_owned();
    let new = cursor.clone();
    for (message, told) in [(old, &["al", "bo"][..]), (new, &["al", "bo", "cy"])] {
        let path = format!("/messages/{message}");
        for kind in ["message_updated", "reaction", "message_deleted"] {
            let answer = match kind {
                "message_updated" => al.patch(&path, json!({"content": "changed"})).await,
                "reaction" => al.put(&format!("{path}/{THUMB}"), None).await,
                _ => al.delete(&path).await,
            };
            assert!(answer.status < 300, "{answer:?}");
            let events = app.events_after(&cursor).await;
            let [(found, audience, data)] = &events[..] else { panic!("{events:?}") };
            assert_eq!((found.as_str(), audience), (kind, &json!({"users": told})));
            cursor = text(&data["id"]).to_owned();
        }
    }
}
