//! Who is connected, and who is told.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{app::App, desk::Desk, stream::Stream};

/// Who returns within this time after their last stream has not left.
const GRACE: Duration = Duration::from_secs(10);

/// The next user who has come or gone.
async fn change(stream: &mut Stream) -> (String, bool) {
    let block = stream.next_fact().await;
    assert_eq!((block.id, block.event.as_deref()), (None, Some("presence")));
    let data = block.data.unwrap();
    assert_eq!(data["type"], json!("presence"));
    (data["user"].as_str().unwrap().to_owned(), data["online"].as_bool().unwrap())
}

fn came(user: &str) -> (String, bool) {
    (user.to_owned(), true)
}

fn went(user: &str) -> (String, bool) {
    (user.to_owned(), false)
}

async fn wait_for_streams(app: &App, count: usize) {
    let line = format!("realtalk_streams {count}\n");
    app.eventually("/metrics", |answer| answer.text().contains(&line)).await;
}

async fn online(app: &App, query: &str) -> Value {
    app.get(&format!("/presence{query}")).await.json()
}

#[tokio::test]
async fn contacts_learn_who_comes_and_strangers_do_not() {
    let desk = Desk::start();
    desk.acquaint("alice", "bob");
    desk.acquaint("bob", "dave");
    let app = App::start(&desk.url(), &[]);
    let mut bob = app.stream("?user=bob").await;
    let mut carol = app.stream("?user=carol").await;
    let _alice = [app.stream("?user=Alice").await, app.stream("?user=alice").await];
    assert_eq!(change(&mut bob).await, came("Alice"));
    let _dave = app.stream("?user=dave").await;
    assert_eq!(change(&mut bob).await, came("dave"), "two streams, one coming");
    app.notify(&json!({"content": "end"})).await;
    assert_eq!(carol.next_fact().await.data.unwrap()["content"], json!("end"));

    let theirs = json!({"online_users": ["Alice"], "online_count": 1});
    assert_eq!(online(&app, "?user=bob&users=ALICE,carol,erin,alice").await, theirs);
    let mut all = online(&app, "?user=bob").await;
    all["online_users"].as_array_mut().unwrap().sort_unstable_by_key(Value::to_string);
    assert_eq!(all, json!({"online_users": ["Alice", "dave"], "online_count": 2}));
    let none = json!({"online_users": [], "online_count": 0});
    assert_eq!(online(&app, "?user=carol&users=alice,bob").await, none);
    // Nobody in particular sees everyone, where identities are taken as given.
    assert_eq!(online(&app, "").await["online_count"], json!(4));
    let two = json!({"online_users": ["carol", "Alice"], "online_count": 2});
    assert_eq!(online(&app, "?users=carol,erin,alice").await, two);
    assert!(app.get("/metrics").await.text().contains("realtalk_users_online 4\n"));

    let many = (0..501).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    let answer = app.get(&format!("/presence?users={many}")).await;
    assert_eq!(answer.refusal(), (400, "too_many_users".to_owned()));
}

#[tokio::test]
async fn a_user_has_gone_a_while_after_their_last_stream() {
    let desk = Desk::start();
    for user in ["alice", "carol", "dave"] {
        desk.acquaint(user, "bob");
    }
    let app = App::start(&desk.url(), &[]);
    let mut bob = app.stream("?user=bob").await;
    let alice = [app.stream("?user=alice").await, app.stream("?user=alice").await];
    let carol = app.stream("?user=carol").await;
    let dave = app.stream("?user=dave").await;
    let mut seen = [change(&mut bob).await, change(&mut bob).await, change(&mut bob).await];
    seen.sort_unstable();
    assert_eq!(seen, ["alice", "carol", "dave"].map(came));

    // One of two ends; one ends and returns; one ends for good, and last of all.
    let [one, _other] = alice;
    drop(one);
    let left = Instant::now();
    drop(carol);
    wait_for_streams(&app, 3).await;
    let _carol = app.stream("?user=carol").await;
    let returned = left.elapsed();
    let left = Instant::now();
    drop(dave);
    wait_for_streams(&app, 3).await;
    let present = online(&app, "?user=bob").await;
    if left.elapsed() < GRACE {
        assert_eq!(present["online_count"], json!(3), "for a while");
    }
    let mut gone = change(&mut bob).await;
    // Whoever takes longer than that to return has left, and come again.
    while returned >= GRACE && gone != went("dave") {
        gone = change(&mut bob).await;
    }
    assert_eq!(gone, went("dave"));
    assert_eq!(online(&app, "?user=bob&users=dave").await["online_count"], json!(0));
    app.notify(&json!({"content": "end"})).await;
    assert_eq!(bob.next_fact().await.data.unwrap()["content"], json!("end"));
}

#[tokio::test]
async fn what_cannot_be_told_is_told_later_and_together() {
    let desk = Desk::start();
    desk.fail("/internal/contacts", true);
    let app = App::start(&desk.url(), &[]);
    let mut bob = app.stream("?user=bob").await;
    let mut users = Vec::new();
    for n in 0..30 {
        let name = format!("user-{n:02}");
        desk.acquaint(&name, "bob");
        users.push((app.stream(&format!("?user={name}")).await, came(&name)));
    }
    let failures = |text: &str| {
        let line = text.lines().find(|line| line.starts_with("realtalk_presence_failures_total"));
        line.unwrap().rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()
    };
    app.eventually("/metrics", |answer| failures(answer.text()) >= 2).await;
    let before = desk.calls("/internal/contacts");
    desk.fail("/internal/contacts", false);
    let mut seen = Vec::new();
    for _ in &users {
        seen.push(change(&mut bob).await);
    }
    seen.sort_unstable();
    assert_eq!(seen, users.iter().map(|user| user.1.clone()).collect::<Vec<_>>());
    let calls = desk.calls("/internal/contacts") - before;
    assert!(calls <= 3, "{calls} calls for 30 users");
}

#[tokio::test]
async fn a_question_that_is_too_large_for_a_proxy_is_asked_in_parts() {
    let desk = Desk::start();
    let app = App::start(&desk.url(), &[]);
    let mut bob = app.stream("?user=bob").await;
    desk.fail("/internal/contacts", true);
    let mut users = Vec::new();
    for n in 0..20 {
        let name = format!("user-{n:02}");
        desk.acquaint(&name, "bob");
        users.push((app.stream(&format!("?user={name}")).await, came(&name)));
    }
    desk.take_at_most("/internal/contacts", 100);
    desk.fail("/internal/contacts", false);
    let mut seen = Vec::new();
    for _ in &users {
        seen.push(change(&mut bob).await);
    }
    seen.sort_unstable();
    assert_eq!(seen, users.iter().map(|user| user.1.clone()).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_public_room_learns_how_many_are_there() {
    let desk = Desk::start();
    let app = App::start(&desk.url(), &[]);
    let mut nobody = app.stream("").await;
    let mut users = Vec::new();
    for name in ["alice", "bob", "carol"] {
        users.push(app.stream(&format!("?user={name}")).await);
        users.push(app.stream("").await);
    }
    let mut counts = Vec::new();
    while counts.last() != Some(&3) {
        let block = nobody.next().await;
        assert_eq!((block.id, block.event.as_deref()), (None, Some("presence")));
        let data = block.data.unwrap();
        assert_eq!(data["conversation_id"], json!("public"));
        counts.push(data["online_count"].as_u64().unwrap());
    }
    assert!(counts.windows(2).all(|two| two[0] != two[1]), "said only when it has changed");
}

#[tokio::test]
async fn a_user_has_so_many_streams_and_no_more_and_may_open_one_when_one_ends() {
    let desk = Desk::start();
    let app = App::start(&desk.url(), &[("MAX_STREAMS_PER_USER", "2")]);
    let first = app.stream("?user=alice").await;
    let _second = app.stream("?user=ALICE").await;
    let refused = app.get("/events?user=alice").await;
    assert_eq!(refused.refusal(), (429, "user".to_owned()));
    // Others are not concerned, nor is nobody in particular.
    let _others = [app.stream("?user=bob").await, app.stream("").await];
    drop(first);
    wait_for_streams(&app, 3).await;
    let _again = app.stream("?user=alice").await;
}
