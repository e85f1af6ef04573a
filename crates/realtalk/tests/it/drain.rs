//! The end of a service that has streams.

use std::time::{Duration, Instant};

use http_kit::shutdown::raise_open_files;
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
    raise_open_files();
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
    const WINDOW: Duration = Duration::from_secs(3);
    let _turn = heavy().await;
    let mut pair = Pair::start(&[("DRAIN_SECS", "3")]).await;
    let port = pair.notification.port();
    let streams = crowd(port, STREAMS).await;
    pair.wait_streams(STREAMS, Duration::from_secs(10)).await;
    let asked = Instant::now();
    pair.notification.signal(Signal::TERM);
    until("it is no longer ready", WINDOW, async || {
        let (status, _) = pair.notification.get("/readyz").await?;
        (status == 503).then_some(())
    })
    .await;
    // A browser takes any status but 200 as final.
    let mut refused = Dial::events(port).granted().await;
    let blocks = refused.rest().await.unwrap();
    assert!(blocks.iter().any(|block| block.is("busy")), "{blocks:?}");
    assert!(blocks.iter().any(|block| block.retry.is_some()), "{blocks:?}");
    let program = Dial { accept: "*/*", ..Dial::events(port) };
    assert_eq!(program.open().await.unwrap().status(), 503);

    let (status, _) = pair.notification.exit(WINDOW + Duration::from_secs(2)).await;
    let took = asked.elapsed();
    assert_eq!(status.code(), Some(0));
    assert!(took < WINDOW + Duration::from_secs(2), "{took:?}");
    let ended = streams.join_all().await;
    assert_eq!(ended.len(), STREAMS);
    let mut quarters = [0; 4];
    for (at, last) in &ended {
        assert!(last.retry.is_some(), "{last:?}");
        let part = at.duration_since(asked).as_secs_f64() / WINDOW.as_secs_f64();
        quarters[((part * 4.0) as usize).min(3)] += 1;
    }
    eprintln!("drain: {took:?}, closes by quarter {quarters:?}");
    assert!(quarters.iter().all(|closes| *closes <= STREAMS * 6 / 10), "{quarters:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_ends_the_launcher_soon_and_loses_nothing() {
    const STREAMS: usize = 50;
    let folder = tempfile::tempdir().unwrap();
    let mut launcher = Service::new("realtalk", free_port(), folder.path());
    let notification_port = free_port();
    launcher.set("NOTIFICATION_PORT", notification_port);
    launcher.spawn();
    launcher.wait_ready().await;
    let board = Board::new(launcher.port());
    let streams = crowd(notification_port, STREAMS).await;
    let posted = board.post_many("kept", 20, 4).await;
    launcher.signal(Signal::INT);
    let (status, took) = launcher.exit(Duration::from_secs(3)).await;
    assert_eq!(status.code(), Some(0));
    eprintln!("drain: Ctrl-C took {took:?}");
    for (_, last) in streams.join_all().await {
        assert!(last.retry.is_some(), "{last:?}");
    }
    launcher.spawn();
    launcher.wait_ready().await;
    assert_eq!(board.all().await, posted);
    let mut wire = Dial::after(notification_port, &posted[0].id).granted().await;
    for message in &posted[1..] {
        let block = wire.find(|block| block.is_message()).await;
        assert_eq!(block.id.as_ref(), Some(&message.id));
    }
}
