//! Who is online is the same at every instance.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::sleep;

use super::{restart, wait_bus, wait_online, wait_online_everywhere};
use crate::{
    board::Board,
    fleet::Fleet,
    line::{Address, Line, Way},
    person::Person,
    redis::{self, Redis},
};

/// How long what an instance says of its people holds.
const LEASE: Duration = Duration::from_secs(40);

/// The longest that somebody may seem to be there whose instance is gone.
const LONGEST: Duration = Duration::from_secs(60);

/// What a stream is told of the presence of others, up to now.
async fn told(line: &mut Line, board: &Board, key: &str) -> Vec<(String, bool)> {
    let mark = board.post("mark", key, key).await;
    let mut told = Vec::new();
    loop {
        let event = line.next().await.unwrap();
        if event["id"] == mark.id.as_str() {
            return told;
        }
        if let (Some(user), Some(online)) = (event["user"].as_str(), event["online"].as_bool()) {
            told.push((user.to_owned(), online));
        }
    }
}

#[tokio::test]
async fn who_is_online_is_the_same_at_every_instance() {
    if !redis::is_installed() {
        return;
    }
    let mut fleet = Fleet::start(1, 3, Redis::start().await, None, &[("DRAIN_SECS", "1")]).await;
    wait_bus(&fleet, true).await;
    let (board, ports) = (fleet.boards().remove(0), fleet.ports());
    Person::named(fleet.messages[0].port(), "alice").direct("Bob").await;
    let mut alice = Address::of(Way::Sse, ports[0], "alice").ready().await.0;
    let first = Address::of(Way::Sse, ports[1], "Bob").ready().await.0;
    wait_online_everywhere(&fleet, &["Bob", "alice"]).await;
    let came = json!({"type": "presence", "user": "Bob", "online": true});
    while alice.find("presence").await != came {}
    // He moves to another instance, and the first one is restarted: he has been there all the time.
    let second = Address::of(Way::WebSocket, ports[2], "Bob").ready().await.0;
    drop(first);
    restart(&mut fleet.notifications[1]).await;
    fleet.notifications[1].wait_ready().await;
    wait_online_everywhere(&fleet, &["Bob", "alice"]).await;
    // Redis forgets everything.
    fleet.redis.kill();
    wait_bus(&fleet, false).await;
    let _carol = Address::of(Way::Sse, ports[1], "carol").ready().await;
    sleep(Duration::from_secs(2)).await;
    wait_online(&fleet.notifications[0], &["Bob", "alice"]).await;
    fleet.redis.spawn().await;
    wait_online_everywhere(&fleet, &["Bob", "alice", "carol"]).await;
    // The same while somebody comes and somebody goes.
    let (erin, _) = Address::of(Way::Sse, ports[2], "erin").ready().await;
    wait_online_everywhere(&fleet, &["Bob", "alice", "carol", "erin"]).await;
    drop(erin);
    // About when she is taken to have left.
    sleep(Duration::from_secs(12)).await;
    fleet.redis.ask(&["flushall"]);
    let dave = Address::of(Way::Sse, ports[2], "dave").ready().await.0;
    wait_online_everywhere(&fleet, &["Bob", "alice", "carol", "dave"]).await;
    restart(&mut fleet.notifications[1]).await;
    fleet.notifications[1].wait_ready().await;
    wait_online_everywhere(&fleet, &["Bob", "alice", "dave"]).await;
    assert_eq!(told(&mut alice, &board, "stayed").await, []);
    // One that dies takes its people along.
    fleet.notifications[2].kill();
    let started = Instant::now();
    drop((second, dave));
    for number in [0, 1] {
        wait_online(&fleet.notifications[number], &["alice"]).await;
    }
    let elapsed = started.elapsed();
    eprintln!("instances: the people of one that died were gone after {elapsed:?}");
    assert!(elapsed < LONGEST, "{elapsed:?}");
    let gone = json!({"type": "presence", "user": "Bob", "online": false});
    while alice.find("presence").await != gone {}
    assert_eq!(told(&mut alice, &board, "gone").await, []);
}

/// As when it is cut off: what was written there has ended meanwhile.
#[tokio::test]
async fn nobody_is_taken_to_have_gone_because_redis_said_nothing_for_long() {
    if !redis::is_installed() {
        return;
    }
    let fleet = Fleet::start(1, 3, Redis::start().await, None, &[]).await;
    wait_bus(&fleet, true).await;
    let (board, ports) = (fleet.boards().remove(0), fleet.ports());
    Person::named(fleet.messages[0].port(), "alice").direct("Bob").await;
    let _bob = Address::of(Way::Sse, ports[1], "Bob").ready().await.0;
    wait_online_everywhere(&fleet, &["Bob"]).await;
    let mut alice = Address::of(Way::Sse, ports[0], "alice").ready().await.0;
    wait_online_everywhere(&fleet, &["Bob", "alice"]).await;
    // What was said of his coming.
    sleep(Duration::from_secs(3)).await;
    told(&mut alice, &board, "came").await;
    fleet.redis.stop();
    sleep(LEASE + Duration::from_secs(3)).await;
    fleet.redis.resume();
    wait_bus(&fleet, true).await;
    // Longer than anybody is excused.
    sleep(Duration::from_secs(18)).await;
    wait_online_everywhere(&fleet, &["Bob", "alice"]).await;
    assert_eq!(told(&mut alice, &board, "stayed").await, []);
}
