//! Nobody seems to be there for long who is gone, whatever ended their stream.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    deadline::until,
    line::{Address, Line, Way},
    person::Person,
    process::Pair,
    scale::Scale,
};

/// The longest that someone who is gone may seem to be there, on a machine that has the time.
const LONGEST: Duration = Duration::from_secs(60);

/// Someone who reconnects, or has just lost a stream, counts as there for this time.
const GRACE: Duration = Duration::from_secs(10);

/// Settings that notice sooner that nobody is there.
const SOON: &[(&str, &str)] =
    &[("HEARTBEAT_SECS", "1"), ("WS_PING_SECS", "1"), ("STALL_SECS", "2")];

async fn online(pair: &Pair) -> Vec<String> {
    let (status, text) = pair.notification.get("/presence?users=alice,bob").await.unwrap();
    assert_eq!(status, 200, "{text}");
    let answer: Value = serde_json::from_str(&text).unwrap();
    let names: Vec<String> = serde_json::from_value(answer["online_users"].clone()).unwrap();
    assert_eq!(answer["online_count"], names.len(), "{text}");
    names
}

async fn wait_online(pair: &Pair, names: &[&str]) {
    until(&format!("{names:?} are online"), async || {
        let mut online = online(pair).await;
        online.sort_unstable();
        (online == names).then_some(())
    })
    .await;
}

async fn start(settings: &[(&str, &str)]) -> (Pair, Person) {
    let pair = Pair::start(settings).await;
    let alice = Person::named(pair.message.port(), "alice");
    alice.direct("bob").await;
    (pair, alice)
}

async fn stream(pair: &Pair, way: Way, user: &str) -> Line {
    Address::of(way, pair.notification.port(), user).ready().await.0
}

/// How long it takes until only alice is there.
async fn bob_goes(pair: &Pair) -> Duration {
    let started = Instant::now();
    wait_online(pair, &["alice"]).await;
    started.elapsed()
}

/// Whether bob is there, as alice is told it next.
async fn told_of_bob(alice: &mut Line) -> Value {
    loop {
        let presence = alice.find("presence").await;
        if presence["user"] == "bob" {
            return presence;
        }
    }
}

async fn leave_and_return(way: Way) {
    let (pair, _) = start(&[]).await;
    let mut alice = stream(&pair, Way::WebSocket, "alice").await;
    let bob = stream(&pair, way, "bob").await;
    wait_online(&pair, &["alice", "bob"]).await;
    let online = json!({"type": "presence", "user": "bob", "online": true});
    assert_eq!(told_of_bob(&mut alice).await, online);
    let started = Instant::now();
    drop(bob);
    let again = stream(&pair, way, "bob").await;
    drop(again);
    let offline = json!({"type": "presence", "user": "bob", "online": false});
    assert_eq!(told_of_bob(&mut alice).await, offline);
    assert!(started.elapsed() >= GRACE, "after {:?}", started.elapsed());
    wait_online(&pair, &["alice"]).await;
    drop(alice);
    wait_online(&pair, &[]).await;
}

#[tokio::test]
async fn who_leaves_is_offline_after_the_grace_and_who_returns_has_not_left() {
    tokio::join!(leave_and_return(Way::Sse), leave_and_return(Way::WebSocket));
}

#[tokio::test]
async fn a_killed_notification_service_comes_back_without_ghosts() {
    let (mut pair, _) = start(&[]).await;
    let lines = (stream(&pair, Way::Sse, "alice").await, stream(&pair, Way::Sse, "bob").await);
    wait_online(&pair, &["alice", "bob"]).await;
    pair.notification.kill();
    pair.notification.spawn();
    pair.wait_ready().await;
    assert_eq!(online(&pair).await, [""; 0]);
    let _alice = stream(&pair, Way::WebSocket, "alice").await;
    wait_online(&pair, &["alice"]).await;
    drop(lines);
}

#[tokio::test]
async fn who_leaves_while_the_message_service_is_down_is_gone() {
    let (mut pair, _) = start(&[]).await;
    let _alice = stream(&pair, Way::Sse, "alice").await;
    let bobs = (stream(&pair, Way::Sse, "bob").await, stream(&pair, Way::WebSocket, "bob").await);
    wait_online(&pair, &["alice", "bob"]).await;
    pair.message.kill();
    drop(bobs);
    // Nobody can be asked who may know; the presence itself is not the message service's.
    sleep(GRACE).await;
    pair.message.spawn();
    pair.wait_ready().await;
    bob_goes(&pair).await;
}

/// Bob's network is gone: nothing reaches him, and nothing comes from him, not even that it did.
async fn half_open(way: Way, settings: &[(&str, &str)]) -> Duration {
    let (pair, _) = start(settings).await;
    let _alice = stream(&pair, Way::Sse, "alice").await;
    let bob = stream(&pair, way, "bob").await;
    wait_online(&pair, &["alice", "bob"]).await;
    bob.vanish();
    let took = bob_goes(&pair).await;
    eprintln!("ghosts: half-open over {way:?} for {took:?}");
    drop(bob);
    took
}

/// Bob's program hangs: his system still takes what is sent, and he answers nothing.
async fn hanging(settings: &[(&str, &str)]) -> Duration {
    let (pair, _) = start(settings).await;
    let _alice = stream(&pair, Way::Sse, "alice").await;
    let bob = stream(&pair, Way::WebSocket, "bob").await;
    wait_online(&pair, &["alice", "bob"]).await;
    let took = bob_goes(&pair).await;
    eprintln!("ghosts: a WebSocket that hangs for {took:?}");
    drop(bob);
    took
}

#[tokio::test]
async fn a_connection_that_is_half_open_is_no_presence() {
    let (sse, web_socket) =
        tokio::join!(half_open(Way::Sse, SOON), half_open(Way::WebSocket, SOON));
    // By the default settings it takes longer than that.
    assert!(sse.max(web_socket) < LONGEST / 2, "{sse:?}, {web_socket:?}");
}

#[tokio::test]
async fn a_websocket_that_answers_no_ping_is_no_presence() {
    assert!(hanging(SOON).await < LONGEST / 2);
}

#[tokio::test]
async fn with_default_settings_a_ghost_is_gone_within_a_minute() {
    if Scale::read().is_long() {
        let (sse, web_socket, hanging) =
            tokio::join!(half_open(Way::Sse, &[]), half_open(Way::WebSocket, &[]), hanging(&[]));
        assert!(sse.max(web_socket).max(hanging) < LONGEST, "{sse:?}, {web_socket:?}, {hanging:?}");
    }
}
