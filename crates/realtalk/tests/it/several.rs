//! Several notification services, which one message service tells. (Several message services: `postgres`.)

use std::time::Duration;

use crate::{
    load::Load,
    process::Pair,
    scale::{Scale, heavy},
    stream::{Follow, check_unbroken},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_of_every_notification_service_have_one_history_though_they_are_killed() {
    let _turn = heavy().await;
    let (scale, mut pair) = (Scale::read(), Pair::new(&[]));
    let mut beside = pair.notification_beside();
    pair.message.spawn();
    pair.notification.spawn();
    beside.spawn();
    pair.wait_ready().await;
    beside.wait_ready().await;
    let board = pair.board();
    let mut subscribers = Vec::new();
    for port in [pair.notification.port(), beside.port()] {
        subscribers.extend(Follow::crowd(&format!("at {port}"), 3, port, &board).await);
    }
    let load = Load::start(&board, 4, Duration::from_millis(15), scale.seed("several"));
    for round in 0..scale.rounds() {
        // One is gone for a while: those of the other have what is said meanwhile.
        let (killed, others) = match round % 2 {
            0 => (&mut pair.notification, 3..6),
            _ => (&mut beside, 0..3),
        };
        killed.kill();
        let key = format!("round-{round}");
        let mark = board.post("mark", &key, &key).await;
        for subscriber in &subscribers[others] {
            subscriber.reach(mark.seq).await;
        }
        killed.spawn();
        for subscriber in &subscribers {
            subscriber.reach(mark.seq).await;
        }
    }
    let acknowledged = load.stop().await;
    let stored = board.all().await;
    check_unbroken(&acknowledged, &stored, &subscribers).await;
}
