//! Many streams on which nothing happens.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Instant,
};

use http_kit::OpenFiles;
use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
    time::timeout,
};

use crate::{
    deadline::PATIENCE,
    process::Pair,
    scale::{Scale, heavy},
    wire::Dial,
};

/// Connections that are being made at the same time.
static OPENING: Semaphore = Semaphore::const_new(100);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_idle_streams_hold_and_get_the_next_post() {
    let _turn = heavy().await;
    let count = if Scale::read().is_long() { 15_000 } else { 1_000 };
    OpenFiles::raise().unwrap();
    let pair = Pair::start(&[("HEARTBEAT_SECS", "3")]).await;
    let port = pair.notification.port();
    let (ready, mut readies) = watch::channel(0);
    let (alive, mut alives) = watch::channel(0);
    let started = Instant::now();
    let mut streams = JoinSet::new();
    for number in 0..count {
        let (ready, alive) = (ready.clone(), alive.clone());
        let source = Ipv4Addr::new(127, 0, 0, 2 + (number % 8) as u8);
        streams.spawn(async move {
            let turn = OPENING.acquire().await.unwrap();
            let dial = Dial { source: Some(IpAddr::V4(source)), ..Dial::events(port) };
            let mut wire = dial.granted().await;
            wire.find(|block| block.is("ready")).await;
            drop(turn);
            ready.send_modify(|count| *count += 1);
            wire.find(|block| block.is("heartbeat")).await;
            alive.send_modify(|count| *count += 1);
            let post = loop {
                // The post comes when all others are alive, which takes its time.
                let block = wire.next().await.unwrap().unwrap();
                if block.is_message() {
                    break block;
                }
            };
            // The stream stays open until the others are done.
            (wire, post)
        });
    }
    timeout(PATIENCE, readies.wait_for(|got| *got == count)).await.unwrap().unwrap();
    let opened = started.elapsed();
    timeout(PATIENCE, alives.wait_for(|got| *got == count)).await.unwrap().unwrap();
    pair.wait_streams(count).await;
    let posting = Instant::now();
    let post = pair.board().post("alice", "hello, everyone", "hello").await;
    let got = timeout(PATIENCE, streams.join_all()).await.unwrap();
    assert_eq!(got.len(), count);
    assert!(got.iter().all(|(_, block)| block.id.as_ref() == Some(&post.id)));
    eprintln!("idle: {count} streams in {opened:?}, a post to all in {:?}", posting.elapsed());
}
