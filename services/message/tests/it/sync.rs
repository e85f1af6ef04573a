//! `GET /sync`: the event log by REST.

use std::{path::Path, time::Instant};

use serde_json::{Value, json};

use crate::{app::App, patience::PATIENCE, rows::Rows};

const START: &str = "19700101000000.000000";

#[tokio::test]
async fn walking_the_log_gives_every_message_once_in_order() {
    let app = App::with(&[("DURABILITY", "relaxed")]);
    for n in 1..=23 {
        app.say(&n.to_string()).await;
    }
    let (mut events, mut after, mut pages) = (Vec::<Value>::new(), START.to_owned(), 0);
    loop {
        let page = app.get(&format!("/sync?after={after}&limit=5")).await.json();
        let fields: Vec<_> = page.as_object().unwrap().keys().cloned().collect();
        assert_eq!(fields, ["events", "next", "has_more"]);
        events.extend(page["events"].as_array().unwrap().clone());
        after = page["next"].as_str().unwrap().to_owned();
        assert_eq!(json!(after), events.last().unwrap()["id"]);
        pages += 1;
        if page["has_more"] == json!(false) {
            break;
        }
    }
    assert_eq!(pages, 5);
    assert_eq!(events, app.list("?limit=200").await);
    let end = app.get(&format!("/sync?after={after}")).await.json();
    assert_eq!(end, json!({"events": [], "next": after, "has_more": false}));
}

#[tokio::test]
async fn an_empty_log_is_read_from_its_beginning() {
    let app = App::start();
    let page = app.get(&format!("/sync?after={START}")).await.json();
    assert_eq!(page, json!({"events": [], "next": START, "has_more": false}));
}

#[tokio::test]
async fn a_cursor_that_the_log_has_not_reached_is_gone() {
    let app = App::start();
    app.say("hi").await;
    for cursor in ["29990101000000.000000", "99991230220000.000000"] {
        let answer = app.get(&format!("/sync?after={cursor}")).await;
        assert_eq!(answer.refusal(), (410, "cursor_unknown".to_owned()));
    }
}

#[tokio::test]
async fn a_cursor_older_than_the_log_is_gone_but_the_messages_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let old = {
        let app = App::on(folder.path(), &[]);
        for n in 0..5 {
            app.say(&n.to_string()).await;
        }
        app.list("").await
    };
    age(folder.path()).await;

    let app = App::on(folder.path(), &[("EVENT_RETENTION_DAYS", "7")]);
    let answer =
        app.eventually(&format!("/sync?after={START}"), |answer| answer.status == 410).await;
    assert_eq!(answer.refusal(), (410, "cursor_expired".to_owned()));
    let list = app.get("/messages").await;
    assert_eq!(list.json().as_array().unwrap().len(), old.len());
    // What a client does then: go on from the list's cursor.
    let cursor = list.header("x-event-cursor").unwrap();
    let new = app.say("new").await;
    let page = app.get(&format!("/sync?after={cursor}")).await.json();
    assert_eq!((&page["events"], &page["has_more"]), (&json!([new]), &json!(false)));
    assert_eq!(new["seq"], json!(6));
}

#[tokio::test]
async fn whatever_is_old_leaves_the_log_however_much_it_is() {
    let folder = tempfile::tempdir().unwrap();
    {
        let app = App::on(folder.path(), &[]);
        app.say("first").await;
    }
    // More than one transaction removes.
    let mut rows = Rows::of(folder.path()).await;
    for statement in [
        "with recursive more (n) as (values (1) union all select n + 1 from more where n < 9000) \
         insert into events (id, type, audience, data) \
         select last_id + n, 'message', '{\"room\":\"public\"}', '{}' from more cross join log",
        "update log set last_id = last_id + 9000",
    ] {
        rows.execute(statement, statement).await;
    }
    age(folder.path()).await;
    let app = App::on(folder.path(), &[("EVENT_RETENTION_DAYS", "7")]);
    // Nor does it wait for a moment without posts.
    let deadline = Instant::now() + PATIENCE;
    loop {
        app.say("new").await;
        let old = rows.number("select count(*) from events where data = '{}'").await;
        if old == 0 {
            return;
        }
        assert!(Instant::now() < deadline, "{old} are left");
    }
}

/// Lets eight days pass.
async fn age(folder: &Path) {
    let mut rows = Rows::of(folder).await;
    for shift in [
        "update log set last_id = last_id - 691200000000",
        "update events set id = id - 691200000000",
        "update messages set id = id - 691200000000",
        "update moments set at = at - 691200000000",
        // What is noted all the while.
        "with recursive half (days) as (values (0) union all select days + 1 from half where days < 16) \
         insert into moments (at, last_id) \
         select last_id + days * 43200000000, last_id from half cross join log where true \
         on conflict (at) do update set last_id = excluded.last_id",
    ] {
        rows.execute(shift, shift).await;
    }
}

#[tokio::test]
async fn an_empty_name_is_no_room_as_on_the_stream() {
    let app = App::start();
    app.say("hi").await;
    for rooms in ["", "public,", ",public"] {
        let answer = app.get(&format!("/sync?after={START}&rooms={rooms}")).await;
        assert_eq!(answer.refusal(), (404, "conversation_not_found".to_owned()), "{rooms}");
    }
}
