//! `POST /notify` by the message service: a part of the log.

use std::sync::Arc;

use common::{Audience, audience::Sets};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{app::App, upstream::Upstream};

const START: &str = "19700101000000.000000";

/// What the relay would push for these messages.
pub(crate) fn batch(after: &Value, messages: &[&Value]) -> Value {
    let event = |message: &&Value| {
        json!({
            "id": message["id"], "type": "message", "audience": {"room": "public"},
            "data": message,
        })
    };
    json!({"after": after, "events": messages.iter().map(event).collect::<Vec<_>>()})
}

#[tokio::test]
async fn a_batch_that_continues_the_feed_reaches_every_stream() {
    let upstream = Upstream::start();
    let app = App::start(&upstream.url(), &[]);
    let mut streams = [app.stream("").await, app.stream("?rooms=public").await];
    let (one, two) = (upstream.post("one").await, upstream.post("two").await);
    let answer = app.notify_signed(&batch(&json!(START), &[&one, &two])).await;
    assert_eq!((answer.status, answer.json()), (202, json!({"last_id": two["id"]})));
    for stream in &mut streams {
        stream.next().await.assert_is(&one);
        stream.next().await.assert_is(&two);
    }
}

#[tokio::test]
async fn what_the_feed_has_is_not_sent_again() {
    let upstream = Upstream::start();
    let app = App::start(&upstream.url(), &[]);
    let mut stream = app.stream("").await;
    let (one, two) = (upstream.post("one").await, upstream.post("two").await);
    for _ in 0..3 {
        let answer = app.notify_signed(&batch(&json!(START), &[&one])).await;
        assert_eq!(answer.json(), json!({"last_id": one["id"]}));
    }
    // Overlapping: only what is new.
    app.notify_signed(&batch(&json!(START), &[&one, &two])).await;
    let old = app.notify_signed(&json!({"after": START, "events": []})).await;
    assert_eq!(old.json(), json!({"last_id": two["id"]}));
    stream.next().await.assert_is(&one);
    stream.next().await.assert_is(&two);
    app.notify(&json!({"content": "end"})).await;
    assert_eq!(stream.contents(1).await, [json!("end")]);
}

#[tokio::test]
async fn a_gap_is_filled_from_the_log() {
    let upstream = Upstream::start();
    let app = App::start(&upstream.url(), &[]);
    let mut stream = app.stream("").await;
    let mut posted = Vec::new();
    for n in 1..=5 {
        posted.push(upstream.post(&n.to_string()).await);
    }
    let answer = app.notify_signed(&batch(&posted[3]["id"], &[&posted[4]])).await;
    assert_eq!((answer.status, answer.json()), (202, json!({"last_id": posted[4]["id"]})));
    for message in &posted {
        stream.next().await.assert_is(message);
    }
    let metrics = app.get("/metrics").await;
    for line in ["realtalk_feed_gaps_total 1", "realtalk_feed_contiguous 1"] {
        assert!(metrics.text().lines().any(|found| found == line), "{line}");
    }
}

#[tokio::test]
async fn what_comes_before_what_precedes_it_waits_a_moment() {
    let upstream = Upstream::start();
    let app = App::start(&upstream.url(), &[]);
    let mut stream = app.stream("").await;
    let mut posted = Vec::new();
    for n in 1..=3 {
        posted.push(upstream.post(&n.to_string()).await);
    }
    // As several message services push what they have committed one after the other.
    let parts = [
        batch(&posted[1]["id"], &[&posted[2]]),
        batch(&posted[0]["id"], &[&posted[1]]),
        batch(&json!(START), &[&posted[0]]),
    ];
    let answers = join_all(parts.iter().map(|part| app.notify_signed(part))).await;
    assert!(answers.iter().all(|answer| answer.status == 202));
    for message in &posted {
        stream.next().await.assert_is(message);
    }
    // The one that is late says nothing new.
    let late = app.notify_signed(&parts[1]).await;
    assert_eq!(late.json(), json!({"last_id": posted[2]["id"]}));
    app.notify(&json!({"content": "end"})).await;
    assert_eq!(stream.contents(1).await, [json!("end")]);
}

#[tokio::test]
async fn an_empty_batch_announces_what_the_feed_then_reads() {
    let upstream = Upstream::start();
    let app = App::start(&upstream.url(), &[]);
    let mut stream = app.stream("").await;
    let (one, two) = (upstream.post("one").await, upstream.post("two").await);
    let answer = app.notify_signed(&json!({"after": two["id"], "events": []})).await;
    assert_eq!((answer.status, answer.json()), (202, json!({"last_id": two["id"]})));
    stream.next().await.assert_is(&one);
    stream.next().await.assert_is(&two);
}

#[tokio::test]
async fn an_announcement_of_what_is_in_no_log_changes_nothing() {
    let upstream = Upstream::start();
    let app = App::start(&upstream.url(), &[]);
    let mut stream = app.stream("").await;
    let one = upstream.post("one").await;
    let future = json!({"after": "29990101000000.000000", "events": []});
    assert_eq!(app.notify_signed(&future).await.json(), json!({"last_id": one["id"]}));
    stream.next().await.assert_is(&one);
}

#[tokio::test]
async fn events_for_others_are_not_shown_but_count() {
    let upstream = Upstream::start();
    let app = App::start(&upstream.url(), &[]);
    let mut stream = app.stream("").await;
    let secret = upstream.post("for bob").await;
    let mut private = batch(&json!(START), &[&secret]);
    private["events"][0]["audience"] = json!({"users": ["bob"]});
    let answer = app.notify_signed(&private).await;
    assert_eq!(answer.json(), json!({"last_id": secret["id"]}));
    app.notify(&json!({"content": "for all"})).await;
    assert_eq!(stream.contents(1).await, [json!("for all")]);
}

#[tokio::test]
async fn a_set_of_users_that_is_not_known_is_read_from_the_log() {
    let upstream = Upstream::start();
    let app = App::start(&upstream.url(), &[]);
    let mut bob = app.stream("?user=bob").await;
    let mut dave = app.stream("?user=dave").await;
    let message = upstream.post_to_group(&["bob", "carol"], "for the three of us").await;
    // As the relay pushes what it believes to have told before.
    let referring = |set: &str| {
        json!({"after": START, "events": [{
            "id": message["id"], "type": "message", "audience": {"set": set}, "data": message,
        }]})
    };
    let answer = app.notify_signed(&referring(&"0".repeat(64))).await;
    assert_eq!((answer.status, answer.json()), (202, json!({"last_id": message["id"]})));
    while bob.next_fact().await.id.as_deref() != message["id"].as_str() {}
    let last = upstream.post("end").await;
    app.notify_signed(&batch(&message["id"], &[&last])).await;
    // Of the group, nobody else hears.
    dave.next_fact().await.assert_is(&last);
    bob.next_fact().await.assert_is(&last);
    let gaps = app.get("/metrics").await;
    assert!(gaps.text().contains("realtalk_feed_gaps_total 1\n"), "{}", gaps.text());
    // What comes with its set is taken as it is.
    let id = common::EventId::after(
        last["id"].as_str().unwrap().parse().unwrap(),
        common::Clock::default().now(),
    );
    let data = json!({"type": "message", "id": id, "content": "again"});
    let names = ["alice", "bob", "carol"].map(str::to_owned).to_vec();
    let mut sets = Sets::default();
    let audience = sets.refer(&Arc::new(Audience::Users(names)));
    let pushed = json!({
        "after": last["id"],
        "events": [{"id": id, "type": "message", "audience": audience, "data": data}],
        "sets": sets,
    });
    assert_eq!(app.notify_signed(&pushed).await.json(), json!({"last_id": id}));
    bob.next_fact().await.assert_is(&data);
}
