//! Several instances of each service, with Redis between them: one history, one presence and one end of a session,
//! whatever fails. Tests with several message services need a PostgreSQL server: `scripts/with-postgres.sh`.

mod faults;
mod presence;
mod private;

use std::time::Instant;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    deadline::until,
    fleet::Fleet,
    line::{Address, End, Way},
    person::Person,
    process::Service,
    redis::{self, Redis},
    stream::{Follow, Subscriber, check_unbroken},
};

/// Waits until all have or have not their connections to Redis.
async fn wait_bus(fleet: &Fleet, is_up: bool) {
    for service in fleet.messages.iter().chain(&fleet.notifications) {
        let name = match service.name() {
            "message-service" => "realtalk_bus_publishing",
            _ => "realtalk_bus_subscribed",
        };
        until(&format!("{name} is {is_up}"), async || {
            (service.metric(name).await? == f64::from(u8::from(is_up))).then_some(())
        })
        .await;
    }
}

/// So many who follow at all instances in turn, by either way.
async fn crowd(fleet: &Fleet, count: usize) -> Vec<Subscriber> {
    let (board, ports) = (&fleet.boards()[0], fleet.ports());
    let mut crowd = Vec::new();
    for number in 0..count {
        let mut ports = ports.clone();
        ports.rotate_left(number % fleet.notifications.len());
        let way = if number % 2 == 0 { Way::Sse } else { Way::WebSocket };
        let name = format!("subscriber {number}");
        crowd.push(Follow { ports, way, ..Follow::live(name, 0, board) }.start().await);
    }
    crowd
}

/// As a rolling update does.
async fn restart(service: &mut Service) {
    service.signal(rustix::process::Signal::TERM);
    let (status, _) = service.exit().await;
    // It may have been about to find out that it cannot start.
    let log = service.log();
    let could_not_start =
        log.lines().last().is_some_and(|last| last.starts_with("error: cannot open the database"));
    assert!(status.success() || could_not_start, "{status}\n{log}");
    service.spawn();
}

/// Who is online, as an instance says.
async fn online(at: &Service) -> Option<Vec<String>> {
    let (status, text) = at.get("/presence").await?;
    assert_eq!(status, 200, "{text}");
    let answer: Value = serde_json::from_str(&text).unwrap();
    let mut names: Vec<String> = serde_json::from_value(answer["online_users"].clone()).unwrap();
    assert_eq!(answer["online_count"], names.len(), "{text}");
    names.sort_unstable();
    Some(names)
}

async fn wait_online(at: &Service, names: &[impl AsRef<str>]) {
    let names: Vec<_> = names.iter().map(AsRef::as_ref).collect();
    until(&format!("{names:?} are online"), async || (online(at).await? == names).then_some(()))
        .await;
}

async fn wait_online_everywhere(fleet: &Fleet, names: &[impl AsRef<str>]) {
    for service in &fleet.notifications {
        wait_online(service, names).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_what_is_posted_arrives_all_the_same() {
    if !redis::is_installed() {
        return;
    }
    let redis = Redis::start().await;
    // It is not there at the start either.
    redis.kill();
    let fleet = Fleet::start(1, 2, redis, None, &[("MAX_CONTENT_CHARS", "16384")]).await;
    let subscribers = crowd(&fleet, 4).await;
    let board = &fleet.boards()[0];
    let mut posted = vec![board.post("alice", "without Redis", "1").await];
    subscribers[0].reach(1).await;
    for service in fleet.messages.iter().chain(&fleet.notifications) {
        let (_, text) = service.get("/readyz").await.unwrap();
        assert!(text.contains("Redis"), "{text}");
    }
    fleet.redis.spawn().await;
    wait_bus(&fleet, true).await;
    until("nothing is missing any more", async || {
        let (_, text) = fleet.notifications[0].get("/readyz").await?;
        (text == r#"{"status":"ready"}"#).then_some(())
    })
    .await;
    posted.push(board.post("alice", "with Redis", "2").await);
    // More than a message of Redis carries.
    posted.extend(board.post_many(&"x".repeat(15_000), 200, 20).await);
    fleet.redis.stop();
    posted.push(board.post("alice", "while Redis says nothing", "3").await);
    wait_bus(&fleet, false).await;
    fleet.redis.resume();
    wait_bus(&fleet, true).await;
    posted.push(board.post("alice", "again", "4").await);
    check_unbroken(&posted, &board.all().await, &subscribers).await;
}

#[tokio::test]
async fn a_server_with_tls_and_a_user_who_may_do_little_is_enough() {
    if !redis::is_installed() {
        return;
    }
    let mut fleet = Fleet::start(1, 2, Redis::guarded().await, None, &[]).await;
    wait_bus(&fleet, true).await;
    let subscribers = crowd(&fleet, 2).await;
    let board = &fleet.boards()[0];
    let posted = [board.post("alice", "over TLS", "1").await];
    check_unbroken(&posted, &board.all().await, &subscribers).await;
    // Presence too.
    let alice = Address::of(Way::Sse, fleet.ports()[0], "alice").ready().await;
    wait_online_everywhere(&fleet, &["alice", "subscriber-1"]).await;
    drop(alice);
    wait_online_everywhere(&fleet, &["subscriber-1"]).await;
    restart(&mut fleet.notifications[0]).await;
    fleet.wait_ready().await;
    wait_online_everywhere(&fleet, &["subscriber-1"]).await;
    for service in fleet.messages.iter().chain(&fleet.notifications) {
        assert!(!service.log().contains("sesame"), "{}", service.log());
        assert!(!service.log().contains("NOPERM"), "{}", service.log());
    }
}

#[tokio::test]
async fn what_others_say_over_redis_is_not_believed() {
    if !redis::is_installed() {
        return;
    }
    let fleet = Fleet::start(1, 1, Redis::start().await, None, &[]).await;
    wait_bus(&fleet, true).await;
    let subscribers = crowd(&fleet, 2).await;
    let board = &fleet.boards()[0];
    let channels = fleet.redis.ask(&["pubsub", "channels", "realtalk:*"]);
    assert_eq!(channels.len(), 3, "{channels:?}");
    let forged = json!({
        "after": "20240101000000.000000",
        "events": [{
            "id": "20240101000000.000001", "type": "message", "audience": {"room": "public"},
            "data": {"type": "message"},
        }],
    });
    let facts = json!({"ephemeral": [
        {"type": "notice", "audience": {"room": "public"}, "data": {"content": "forged"}},
    ]});
    let mut watching = Address::of(Way::Sse, fleet.ports()[0], "watching").ready().await.0;
    for channel in &channels {
        for said in ["", "nonsense", &forged.to_string(), &format!("t=1,v1=00\n{facts}")] {
            fleet.redis.ask(&["publish", channel, said]);
        }
    }
    let posted = [board.post("alice", "ours", "1").await];
    check_unbroken(&posted, &board.all().await, &subscribers).await;
    assert_eq!(watching.find("message").await["content"], "ours");
    let refused = fleet.notifications[0].metric("realtalk_bus_refused_total").await;
    assert!(refused >= Some(12.0), "{refused:?}");
}

#[tokio::test]
async fn the_end_of_a_session_is_one_at_every_instance() {
    if !redis::is_installed() {
        return;
    }
    let fleet = Fleet::start(1, 3, Redis::start().await, None, &[("AUTH_MODE", "required")]).await;
    wait_bus(&fleet, true).await;
    let alice = Person::registered(fleet.messages[0].port(), "alice").await;
    for is_up in [true, false] {
        if !is_up {
            fleet.redis.kill();
            wait_bus(&fleet, false).await;
        }
        let session = alice.signed_in().await;
        let mut lines = Vec::new();
        for port in fleet.ports() {
            for way in [Way::Sse, Way::WebSocket] {
                let address = Address::bearing(way, port, session.token().unwrap());
                lines.push(address.ready().await.0);
            }
        }
        session.must(Method::DELETE, "/sessions/current", Value::Null).await;
        let started = Instant::now();
        for mut line in lines {
            let (events, end) = line.rest().await;
            assert_eq!(events.last().unwrap()["type"], "reauth");
            assert_ne!(end, End::Broken);
        }
        eprintln!("instances: the session had ended after {:?}, Redis: {is_up}", started.elapsed());
    }
}

#[tokio::test]
async fn a_notification_to_one_instance_reaches_the_streams_of_all_once() {
    if !redis::is_installed() {
        return;
    }
    let fleet = Fleet::start(1, 3, Redis::start().await, None, &[]).await;
    wait_bus(&fleet, true).await;
    let mut lines = Vec::new();
    for port in fleet.ports() {
        lines.push(Address::of(Way::Sse, port, "somebody").ready().await.0);
    }
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for content in ["one", "two"] {
        let url = format!("http://127.0.0.1:{}/notify", fleet.ports()[1]);
        let said = json!({"content": content, "type": "notice"});
        let answer = client.post(url).json(&said).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }
    for line in &mut lines {
        for content in ["one", "two"] {
            assert_eq!(line.find("notice").await["content"], content);
        }
    }
}
