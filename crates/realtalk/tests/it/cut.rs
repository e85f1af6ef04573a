//! Connections that are cut at any byte, slow, or dead without a word.

use std::time::Duration;

use tokio::time::sleep;

use crate::{
    load::Load,
    process::Pair,
    proxy::Proxy,
    scale::{Scale, heavy},
    stream::{Follow, check},
};

const STORM: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_history_survives_a_network_that_fails() {
    let _turn = heavy().await;
    let seed = Scale::read().seed("cut");
    // The services know each other by the proxies only.
    let mut pair = Pair::new(&[("HEARTBEAT_SECS", "1")]);
    let to_message = Proxy::failing(pair.message.port(), seed ^ 1).await;
    let to_notification = Proxy::failing(pair.notification.port(), seed ^ 2).await;
    let for_clients = Proxy::failing(pair.notification.port(), seed ^ 3).await;
    pair.message.set("NOTIFICATION_SERVICE_URL", to_notification.url());
    pair.notification.set("MESSAGE_SERVICE_URL", to_message.url());
    pair.message.spawn();
    pair.notification.spawn();
    pair.wait_ready().await;
    let board = pair.board();
    let mut subscribers = Vec::new();
    for number in 0..6 {
        let follow = Follow {
            after: Some(("19700101000000.000000".to_owned(), 0)),
            patience: Duration::from_secs(3),
            ..Follow::live(format!("subscriber {number}"), for_clients.port(), &board)
        };
        subscribers.push(follow.start().await);
    }
    let load = Load::start(&board, 4, PAUSE, seed);
    sleep(STORM).await;
    for subscriber in &subscribers {
        subscriber.wait("has lost its stream", |state| state.connects > 1).await;
    }
    let acknowledged = load.stop().await;
    for proxy in [&to_message, &to_notification, &for_clients] {
        proxy.calm();
    }
    let stored = board.all().await;
    check(&acknowledged, &stored, &subscribers).await;
    let connects: usize = subscribers.iter().map(|one| one.state().connects).sum();
    eprintln!("cut: {} stored, {connects} streams", stored.len());
}
