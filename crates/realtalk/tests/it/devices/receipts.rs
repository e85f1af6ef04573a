//! Markers that moved right before something stopped.

use reqwest::Method;
use rustix::process::Signal;
use serde_json::json;

use super::device::Device;
use crate::{line::Way, person::Person, process::Pair};

/// Bob reads on while `stop` stops the message service, and alice, whose stream goes on, knows.
async fn read_before(stop: impl AsyncFnOnce(&mut Pair)) {
    let mut pair = Pair::start(&[]).await;
    let [alice, bob] = ["alice", "bob"].map(|name| Person::named(pair.message.port(), name));
    let place = alice.direct("bob").await;
    for number in 1..=20 {
        let key = number.to_string();
        alice.say(&place, &key, &key).await;
    }
    let phone = Device::start("alice's phone", Way::Sse, &alice, &[pair.notification.port()]).await;
    phone.agree("the beginning").await;
    // The first is told at once, and the others are told together, a second later.
    for seq in 1..=20 {
        let path = format!("/conversations/{place}/read");
        bob.must(Method::POST, &path, json!({"seq": seq})).await;
    }
    stop(&mut pair).await;
    pair.message.spawn();
    pair.wait_ready().await;
    phone.agree("bob has read everything").await;
    assert_eq!(phone.state().connects, 1, "it was not the stream that told");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_read_right_before_a_crash_is_told_after_it() {
    read_before(async |pair| pair.message.kill()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_read_right_before_a_redeployment_is_told_after_it() {
    read_before(async |pair| {
        pair.message.signal(Signal::TERM);
        pair.message.exit().await;
    })
    .await;
}
