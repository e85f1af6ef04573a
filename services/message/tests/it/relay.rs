//! What the notification service is told of the log, and that it can take it.

use common::{Batch, EventId, event::LogPage, internal::MAX_BODY};
use message_service::log::relay::QUEUE;
use serde_json::{Value, json};

use crate::{app::App, notified::Notified, rows::Rows};

fn id(message: &Value) -> EventId {
    message["id"].as_str().unwrap().parse().unwrap()
}

/// Two names of which no other group has one, and many that all have.
fn thousand(group: usize) -> Vec<String> {
    let own = (0..2).map(|n| format!("member-{n}-of-{group:029}"));
    own.chain((0..997).map(|n| format!("member-{n:029}"))).collect()
}

/// Makes groups of a thousand while nobody takes what is told, each another thousand; returns what
/// was told once somebody does, up to the last of it.
async fn gather_thousands(app: &App, notified: &Notified, groups: usize) -> Vec<Batch> {
    let alice = app.someone("alice");
    let before = app.say("before").await;
    notified.batch_up_to(id(&before));
    notified.leave(true);
    let mut last = Value::Null;
    for group in 0..groups {
        let names = thousand(group);
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let group = alice.group(&names, "all").await;
        last = alice.say(&group, "hello").await;
    }
    notified.leave(false);
    let told = notified.batches_up_to(id(&last));
    assert!(notified.largest() <= MAX_BODY, "{} bytes", notified.largest());
    let logged = logged(app, id(&before)).await;
    assert_eq!((logged.len(), logged.last()), (2 * groups, Some(&id(&last))), "the log");
    for batch in &told {
        let from = logged.iter().position(|id| *id > batch.after).unwrap_or(logged.len());
        let pushed: Vec<_> = batch.events.iter().map(|event| event.id).collect();
        assert!(logged[from..].starts_with(&pushed), "{pushed:?} do not follow {}", batch.after);
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
async fn large_audiences_do_not_keep_the_log_from_being_told() {
    // Fewer than may wait for the relay, so that it is never behind; more than fit into two pushes,
    // of which the first may be under way when it is taken again.
    const GROUPS: usize = 30;
    const { assert!(2 * GROUPS < QUEUE) };
    let notified = Notified::start();
    let app = App::with(&[("NOTIFICATION_SERVICE_URL", notified.url())]);
    let told = gather_thousands(&app, &notified, GROUPS).await;
    let pushed: Vec<_> = told.iter().map(|batch| batch.events.len()).collect();
    assert!(pushed.iter().any(|events| *events > 1), "{pushed:?} events, one by one");
    assert!(pushed.iter().sum::<usize>() < 2 * GROUPS, "{pushed:?} events: all of them fitted");
}

#[tokio::test]
async fn whoever_is_behind_is_told_how_far_the_log_goes() {
    // More than may wait for the relay. Whether it forgets some of them, or takes them in time and
    // pushes the newest, is a matter of speed.
    let notified = Notified::start();
    let app = App::with(&[("NOTIFICATION_SERVICE_URL", notified.url())]);
    gather_thousands(&app, &notified, QUEUE / 2 + 8).await;
}

/// Bytes in the log's events, and in what is told of them, for each of so many messages.
async fn cost_of_a_message(
    app: &App,
    notified: &Notified,
    rows: &mut Rows,
    place: &str,
) -> (usize, usize) {
    const POSTS: usize = 20;
    let alice = app.someone("alice");
    let before = alice.say(place, "hello").await;
    notified.batch_up_to(id(&before));
    let mut last = Value::Null;
    for _ in 0..POSTS {
        last = alice.say(place, "hello").await;
    }
    let bytes = |batch: &Batch| serde_json::to_vec(batch).unwrap().len();
    let told = notified.batches_up_to(id(&last)).iter().map(bytes).sum::<usize>();
    let logged = "select sum(octet_length(audience) + octet_length(data)) from events where id >";
    let logged = rows.number(&format!("{logged} {}", id(&before).micros())).await;
    (logged as usize / POSTS, told / POSTS)
}

#[tokio::test]
async fn a_message_to_a_thousand_costs_like_one_to_two() {
    let notified = Notified::start();
    let folder = tempfile::tempdir().unwrap();
    let app = App::on(folder.path(), &[("NOTIFICATION_SERVICE_URL", notified.url())]);
    let names = thousand(0);
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let alice = app.someone("alice");
    let (pair, group) = (alice.direct("bob").await, alice.group(&names, "all").await);
    let mut rows = Rows::of(folder.path()).await;
    let few = cost_of_a_message(&app, &notified, &mut rows, &pair).await;
    let many = cost_of_a_message(&app, &notified, &mut rows, &group).await;
    assert!(many.0 < 2 * few.0 && many.1 < 2 * few.1, "{few:?} bytes became {many:?}");
    // A set is kept once, for the group and for what happens in it.
    assert_eq!(rows.number("select count(*) from audiences").await, 1);
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

#[tokio::test]
async fn each_of_several_services_is_told_and_one_that_is_away_delays_no_other() {
    let (one, other) = (Notified::start(), Notified::start());
    one.leave(true);
    let urls = format!("{},{}", one.url(), other.url());
    let app = App::with(&[("NOTIFICATION_SERVICE_URL", &urls)]);
    for n in 0..3 {
        let said = app.say(&n.to_string()).await;
        assert_eq!(other.batch_up_to(id(&said)).events.len(), 1);
    }
    let (alice, group) = (app.someone("alice"), app.someone("bob").group(&["alice"], "all").await);
    alice.post(&format!("/conversations/{group}/typing"), json!({})).await;
    assert_eq!(other.fact().1["type"], "typing");
    app.eventually("/metrics", |answer| answer.text().contains("realtalk_relay_up 1\n")).await;
    one.leave(false);
    let last = app.say("all are here").await;
    one.batch_up_to(id(&last));
    other.batch_up_to(id(&last));
    app.eventually("/metrics", |answer| answer.text().contains("realtalk_relay_up 2\n")).await;
}
