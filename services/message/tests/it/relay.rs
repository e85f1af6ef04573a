//! What the notification service is told of the log, and that it can take it.

use common::{EventId, internal::MAX_BODY};
use serde_json::{Value, json};

use crate::{app::App, notified::Notified};

fn id(message: &Value) -> EventId {
    message["id"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_large_audience_does_not_keep_the_log_from_being_told() {
    let notified = Notified::start();
    let app = App::with(&[("NOTIFICATION_SERVICE_URL", notified.url())]);
    let names: Vec<_> = (0..999).map(|n| format!("member-{n:029}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let alice = app.someone("alice");
    let group = alice.group(&names, "all").await;
    notified.leave(true);
    let mut last = Value::Null;
    for n in 0..130 {
        last = alice.say(&group, &n.to_string()).await;
    }
    notified.leave(false);
    let events = notified.batch_up_to(id(&last)).events.len();
    assert!((1..130).contains(&events), "{events} events in a push, and the others in none");
    assert!(notified.largest() <= MAX_BODY, "{} bytes", notified.largest());
}

#[tokio::test]
async fn what_is_refused_as_too_large_is_announced_instead() {
    let notified = Notified::start();
    let app = App::with(&[("NOTIFICATION_SERVICE_URL", notified.url())]);
    notified.take_at_most(10_000);
    notified.leave(true);
    let mut last = Value::Null;
    for _ in 0..20 {
        last = app.say(&"x".repeat(1_000)).await;
    }
    notified.leave(false);
    assert!(notified.batch_up_to(id(&last)).events.is_empty(), "an announcement");
    assert!(notified.largest() > 10_000, "nothing was refused");
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
