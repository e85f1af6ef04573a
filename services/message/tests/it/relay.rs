//! What the notification service is told of the log, and that it can take it.

use common::{Batch, EventId, event::LogPage, internal::MAX_BODY};
use message_service::log::relay::QUEUE;
use serde_json::{Value, json};

use crate::{app::App, notified::Notified};

fn id(message: &Value) -> EventId {
    message["id"].as_str().unwrap().parse().unwrap()
}

/// Makes a group of a thousand, and says something in it while nobody takes what is told; returns
/// what was told once somebody does, up to the last of it.
async fn say_to_a_thousand(app: &App, notified: &Notified, posts: usize) -> Vec<Batch> {
    let names: Vec<_> = (0..999).map(|n| format!("member-{n:029}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let alice = app.someone("alice");
    let group = alice.group(&names, "all").await;
    let before = alice.say(&group, "before").await;
    notified.batch_up_to(id(&before));
    notified.leave(true);
    let mut last = Value::Null;
    for n in 0..posts {
        last = alice.say(&group, &n.to_string()).await;
    }
    notified.leave(false);
    let told = notified.batches_up_to(id(&last));
    assert!(notified.largest() <= MAX_BODY, "{} bytes", notified.largest());
    let said = logged(app, id(&before)).await;
    assert_eq!((said.len(), said.last()), (posts, Some(&id(&last))), "the log");
    for batch in &told {
        let from = said.iter().position(|id| *id > batch.after).unwrap_or(posts);
        let pushed: Vec<_> = batch.events.iter().map(|event| event.id).collect();
        assert!(said[from..].starts_with(&pushed), "{pushed:?} do not follow {}", batch.after);
    }
    told
}

/// The ids in the log after one of them, page by page.
async fn logged(app: &App, mut after: EventId) -> Vec<EventId> {
    let mut ids = Vec::new();
    loop {
        let answer = app.get_signed(&format!("/internal/events?after={after}")).await;
        let page: LogPage = serde_json::from_slice(&answer.body).unwrap();
        if page.batch.events.is_empty() {
            return ids;
        }
        after = page.batch.end();
        ids.extend(page.batch.events.iter().map(|event| event.id));
    }
}

#[tokio::test]
async fn a_large_audience_does_not_keep_the_log_from_being_told() {
    // Fewer than may wait for the relay, so that it is never behind; more than fit into two pushes,
    // of which the first may be under way when it is taken again.
    const POSTS: usize = 60;
    const { assert!(POSTS < QUEUE) };
    let notified = Notified::start();
    let app = App::with(&[("NOTIFICATION_SERVICE_URL", notified.url())]);
    let told = say_to_a_thousand(&app, &notified, POSTS).await;
    let pushed: Vec<_> = told.iter().map(|batch| batch.events.len()).collect();
    assert!(pushed.iter().any(|events| *events > 1), "{pushed:?} events, one by one");
    assert!(pushed.iter().sum::<usize>() < POSTS, "{pushed:?} events: all of them fitted");
}

#[tokio::test]
async fn whoever_is_behind_is_told_how_far_the_log_goes() {
    // More than may wait for the relay. Whether it forgets some of them, or takes them in time and
    // pushes the newest, is a matter of speed.
    let notified = Notified::start();
    let app = App::with(&[("NOTIFICATION_SERVICE_URL", notified.url())]);
    say_to_a_thousand(&app, &notified, QUEUE + 16).await;
}

#[tokio::test]
async fn what_is_refused_as_too_large_is_announced_instead() {
    const MOST: usize = 10_000;
    let notified = Notified::start();
    let app = App::with(&[("NOTIFICATION_SERVICE_URL", notified.url())]);
    notified.take_at_most(MOST);
    let large = app.say(&"🦀".repeat(4_000)).await;
    assert!(notified.batch_up_to(id(&large)).events.is_empty(), "an announcement");
    assert!(notified.largest() > MOST, "nothing was refused");
    let next = app.say("small").await;
    assert_eq!(notified.batch_up_to(id(&next)).events.len(), 1);
}

#[tokio::test]
async fn many_receipts_for_many_readers_are_told_in_several_pushes() {
    const GROUPS: usize = 4;
    const MEMBERS: usize = 90;
    let notified = Notified::start();
    let app = App::with(&[("NOTIFICATION_SERVICE_URL", notified.url())]);
    let names: Vec<_> = (0..MEMBERS).map(|n| format!("{n:04}{}", "🦀".repeat(60))).collect();
    let others: Vec<_> = names.iter().map(String::as_str).collect();
    let alice = app.someone("alice");
    let mut last = Value::Null;
    for _ in 0..GROUPS {
        let group = alice.group(&others, "all").await;
        last = alice.say(&group, "x").await;
    }
    let all: Vec<_> = names.iter().map(|name| json!({"user": name, "up_to": last["id"]})).collect();
    let told = app.post_signed("/internal/delivered", json!({"delivered": all})).await;
    assert_eq!(told.status, 204, "{told:?}");
    for _ in 0..GROUPS * MEMBERS {
        let (_, data) = notified.fact();
        assert_eq!(data["type"], "receipt");
    }
    assert!(notified.largest() <= MAX_BODY, "{} bytes", notified.largest());
}
