//! The end of a service that has streams.

use std::time::{Duration, Instant};

use http_kit::OpenFiles;
use rustix::process::Signal;
use tokio::task::JoinSet;

use crate::{
    board::Board,
    deadline::until,
    process::{Pair, Service, free_port},
    scale::heavy,
    wire::{Block, Dial},
};

/// Opens `count` streams, some at a time; each task ends with its stream, and returns when that
/// was and the last block.
async fn crowd(port: u16, count: usize) -> JoinSet<(Instant, Block)> {
    OpenFiles::raise().unwrap();
    let mut streams = JoinSet::new();
    let mut open = JoinSet::new();
    for number in 0..count {
        open.spawn(async move {
            let mut wire = Dial::events(port).granted().await;
            wire.find(|block| block.is("ready")).await;
            wire
        });
        if open.len() < 64 && number + 1 < count {
            continue;
        }
        while let Some(wire) = open.join_next().await {
            let mut wire = wire.unwrap();
            streams.spawn(async move {
                let blocks = wire.rest().await.unwrap();
                (Instant::now(), blocks.last().cloned().unwrap_or_default())
            });
        }
    }
    streams
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_stopped_closes_its_streams_one_by_one() {
    const STREAMS: usize = 2_000;
    const WINDOW: Duration = Duration::from_secs(8);
    let _turn = heavy().await;
    let window = WINDOW.as_secs().to_string();
    let mut pair = Pair::start(&[("DRAIN_SECS", &window), ("RUST_LOG", "info")]).await;
    let port = pair.notification.port();
    let streams = crowd(port, STREAMS).await;
    pair.wait_streams(STREAMS).await;
    let asked = Instant::now();
    pair.notification.signal(Signal::TERM);
    until("it is no longer ready", async || {
        let (status, _) = pair.notification.get("/readyz").await?;
        (status == 503).then_some(())
    })
    .await;
    // A browser takes any status but 200 as final.
    let mut refused = Dial::events(port).open().await.unwrap();
    assert_eq!(refused.status(), 200);
    let blocks = refused.rest().await.unwrap();
    assert!(blocks.iter().any(|block| block.is("busy")), "{blocks:?}");
    assert!(blocks.iter().any(|block| block.retry.is_some()), "{blocks:?}");
    let program = Dial { accept: "*/*", ..Dial::events(port) };
    assert_eq!(program.open().await.unwrap().status(), 503);

    let (status, took) = pair.notification.exit().await;
    assert_eq!(status.code(), Some(0));
    let mut ends = Vec::new();
    for (at, last) in streams.join_all().await {
        assert!(last.retry.is_some(), "{last:?}");
        ends.push(at.duration_since(asked));
    }
    assert_eq!(ends.len(), STREAMS);
    ends.sort_unstable();
    let quarters: Vec<_> = (1..=4).map(|quarter| ends[STREAMS * quarter / 4 - 1]).collect();
    eprintln!("drain: {took:?}, a quarter each after {quarters:?}");
    // As it was told: by their number alone, so many would take longer.
    let log = pair.notification.log();
    assert!(log.contains(&format!("window_secs={window}")), "no window of {window} s");
    let spread = ends[STREAMS - 1] - ends[STREAMS / 4];
    assert!(spread > WINDOW / 4, "they end together: {quarters:?}");
    // None comes much before its turn. A slow machine is late, which is no harm.
    for (closed, at) in ends.iter().enumerate() {
        let turn = WINDOW.mul_f64(closed as f64 / STREAMS as f64);
        assert!(*at + WINDOW / 8 > turn, "{closed} have ended after {at:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_ends_the_launcher_sooner_than_sigterm_and_loses_nothing() {
    const STREAMS: usize = 500;
    let folder = tempfile::tempdir().unwrap();
    let mut launcher = Service::new("realtalk", free_port(), folder.path());
    let notification_port = free_port();
    launcher.set("NOTIFICATION_PORT", notification_port);
    launcher.spawn();
    launcher.wait_ready().await;
    let board = Board::new(launcher.port());
    let posted = board.post_many("kept", 20, 4).await;
    let mut took = Vec::new();
    for signal in [Signal::INT, Signal::TERM] {
        let streams = crowd(notification_port, STREAMS).await;
        launcher.signal(signal);
        let (status, time) = launcher.exit().await;
        assert_eq!(status.code(), Some(0));
        for (_, last) in streams.join_all().await {
            assert!(last.retry.is_some(), "{last:?}");
        }
        took.push(time);
        launcher.spawn();
        launcher.wait_ready().await;
    }
    eprintln!("drain: Ctrl-C took {:?}, SIGTERM {:?}", took[0], took[1]);
    // Five seconds for so many streams, or one: what else takes time is in both.
    assert!(took[0] + Duration::from_secs(2) < took[1], "{took:?}");
    assert_eq!(board.all().await, posted);
    let mut wire = Dial::after(notification_port, &posted[0].id).granted().await;
    for message in &posted[1..] {
        let block = wire.find(|block| block.is_message()).await;
        assert_eq!(block.id.as_ref(), Some(&message.id));
    }
}
