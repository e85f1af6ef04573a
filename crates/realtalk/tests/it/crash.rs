//! Either service, or both, killed at random moments; and both replaced in an orderly way.

use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use rustix::process::Signal;
use tokio::time::sleep;

use crate::{
    load::Load,
    process::{Pair, Service},
    scale::{Scale, heavy},
    stream::{Follow, check, check_unbroken},
};

const POSTERS: u64 = 8;
const SUBSCRIBERS: usize = 6;
const PAUSE: Duration = Duration::from_millis(15);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_history_survives_crashes_at_random_moments() {
    let _turn = heavy().await;
    let scale = Scale::read();
    let (seed, rounds) = (scale.seed("crash"), scale.rounds());
    let mut random = StdRng::seed_from_u64(seed);
    let mut pair = Pair::start(&[]).await;
    let (board, port) = (pair.board(), pair.notification.port());
    let subscribers = Follow::crowd("subscriber", SUBSCRIBERS, port, &board).await;
    let load = Load::start(&board, POSTERS, PAUSE, seed);
    let started = Instant::now();
    for round in 1..=rounds {
        crash(&mut pair, &mut random).await;
        // Whatever was lost is made good within the round.
        let key = format!("round-{round}");
        let mark = board.post("mark", &key, &key).await;
        for subscriber in &subscribers {
            subscriber.reach(mark.seq).await;
        }
        if round % 10 == 0 {
            let (seq, secs) = (mark.seq, started.elapsed().as_secs());
            eprintln!("crash: {round} of {rounds} rounds, {seq} messages, {secs} s");
        }
    }
    let acknowledged = load.stop().await;
    let stored = board.all().await;
    check(&acknowledged, &stored, &subscribers).await;
    assert!(acknowledged.len() as u32 >= rounds, "there was no load");
    let connects: usize = subscribers.iter().map(|one| one.state().connects).sum();
    let resets: usize = subscribers.iter().map(|one| one.state().resets.len()).sum();
    eprintln!(
        "crash: {rounds} rounds, {} acknowledged, {} stored, {connects} streams, {resets} resets",
        acknowledged.len(),
        stored.len(),
    );
}

/// Kills one service or both at some moment, and starts them again at some other.
pub(crate) async fn crash(pair: &mut Pair, random: &mut StdRng) {
    let mut moment = |longest| Duration::from_millis(random.random_range(0..longest));
    let (before, between, after) = (moment(2_000), moment(50), moment(300));
    let (message, notification) =
        [(true, false), (false, true), (true, true)][random.random_range(0..3)];
    sleep(before).await;
    if message {
        pair.message.kill();
    }
    sleep(between).await;
    if notification {
        pair.notification.kill();
    }
    sleep(after).await;
    if notification {
        pair.notification.spawn();
    }
    sleep(between).await;
    if message {
        pair.message.spawn();
    }
    pair.wait_ready().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_history_survives_redeployments() {
    let _turn = heavy().await;
    let seed = Scale::read().seed("redeployment");
    let mut pair = Pair::start(&[("DRAIN_SECS", "1")]).await;
    let (board, port) = (pair.board(), pair.notification.port());
    let subscribers = Follow::crowd("subscriber", SUBSCRIBERS, port, &board).await;
    let load = Load::start(&board, POSTERS, PAUSE, seed);
    for round in 0..3 {
        replace(&mut pair.notification).await;
        replace(&mut pair.message).await;
        let key = format!("round-{round}");
        let mark = board.post("mark", &key, &key).await;
        for subscriber in &subscribers {
            subscriber.reach(mark.seq).await;
        }
    }
    let acknowledged = load.stop().await;
    let stored = board.all().await;
    check_unbroken(&acknowledged, &stored, &subscribers).await;
}

/// Stops a service as a service manager does, and starts it again.
async fn replace(service: &mut Service) {
    service.signal(Signal::TERM);
    let (status, took) = service.exit().await;
    assert_eq!(status.code(), Some(0), "{}", service.log());
    eprintln!("redeployment: {} ended after {took:?}", service.name());
    service.spawn();
    service.wait_ready().await;
}
