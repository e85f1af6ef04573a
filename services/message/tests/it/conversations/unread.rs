//! What is counted: what others said, that can be seen, and has not been read.

use common::EventId;
use message_service::{
    chat::change::{Actor, Change, Operation},
    config::Durability,
    store::{SqliteStore, Store},
};
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

/// Edits and deletes through the store, as the routes for them do through the writer.
#[tokio::test]
async fn deleted_messages_do_not_count_and_edits_change_mentions() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::on(folder.path(), &[]);
    let (al, bo) = (app.someone("al"), app.someone("bo"));
    let id = al.group(&["bo"], "all").await;
    let mut said = Vec::new();
    for content in ["one @bo", "two @bo", "three", "four"] {
        said.push(text(&al.say(&id, content).await["id"]).parse::<EventId>().unwrap());
    }
    assert_eq!(counts(bo, &id).await, (4, 2));
    let path = folder.path().join("realtalk.db");
    let store = SqliteStore::open(&path, Durability::Relaxed).await.unwrap();
    let user = Some(common::internal::UserRef { name: "al".into(), key: "al".into() });
    let actor = || Actor { user: user.clone(), admin: false };
    let change = |change| Operation::Change(Box::new(change));
    let edit = |at: usize, content: &str| {
        change(Change::Edit { actor: actor(), message_id: said[at], content: content.into() })
    };
    let delete = |at: usize| change(Change::Delete { actor: actor(), message_id: said[at] });
    for (operation, expected) in [
        (edit(0, "one"), (4, 1)),
        (edit(2, "three @bo"), (4, 2)),
        (delete(1), (3, 1)),
        (delete(1), (3, 1)),
        (delete(3), (2, 1)),
    ] {
        let committed = store.commit(&[operation]).await.unwrap();
        assert!(committed.outcomes[0].is_ok(), "{committed:?}");
        assert_eq!(counts(bo, &id).await, expected);
    }
    let last = bo.sees(&id).await;
    assert_eq!(last["last_message"]["deleted"], json!(true));
    assert_eq!(last["last_message"]["content"], json!(""));
    store.close().await;
}

#[tokio::test]
async fn what_happens_to_a_message_is_told_to_those_who_may_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::on(folder.path(), &[]);
    let al = app.someone("al");
    let id = al.group(&["bo"], "joined").await;
    let old = text(&al.say(&id, "before cy came").await["id"]).parse::<EventId>().unwrap();
    assert_eq!(al.put(&format!("/conversations/{id}/members/cy"), None).await.status, 201);
    let new = text(&al.say(&id, "after").await["id"]).parse::<EventId>().unwrap();
    let path = folder.path().join("realtalk.db");
    let store = SqliteStore::open(&path, Durability::Relaxed).await.unwrap();
    let user = common::internal::UserRef { name: "al".into(), key: "al".into() };
    for (message_id, told) in [(old, &["al", "bo"][..]), (new, &["al", "bo", "cy"])] {
        let actor = || Actor { user: Some(user.clone()), admin: false };
        let (user, emoji) = (user.clone(), "👍".to_owned());
        for change in [
            Change::Edit { actor: actor(), message_id, content: "changed".into() },
            Change::React { user, message_id, emoji, take_back: false },
            Change::Delete { actor: actor(), message_id },
        ] {
            let committed =
                store.commit(&[Operation::Change(Box::new(change.clone()))]).await.unwrap();
            let audience = json!(committed.log.events[0].audience);
            assert_eq!(audience, json!({"users": told}), "{change:?}");
        }
    }
    store.close().await;
}
