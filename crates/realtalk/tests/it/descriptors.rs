//! Descriptors of the notification service: none is lost, and running out of them is not the end.

use std::{fs, time::Duration};

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use tokio::{net::TcpStream, task::JoinSet, time::timeout};

use crate::{
    deadline::until,
    process::Pair,
    scale::{Scale, heavy},
    wire::Dial,
};

fn descriptors(pid: Pid) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

fn resident_kib(pid: Pid) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Opens streams, a hundred at a time, and leaves each as soon as it stands.
async fn come_and_go(port: u16, count: usize) {
    let mut visits = JoinSet::new();
    for _ in 0..count {
        if visits.len() == 100 {
            visits.join_next().await.unwrap().unwrap();
        }
        visits.spawn(async move {
            let mut wire = Dial::events(port).granted().await;
            wire.find(|block| block.is("ready")).await;
        });
    }
    visits.join_all().await;
}

#[tokio::test]
async fn streams_that_come_and_go_leave_no_descriptor_and_no_memory_behind() {
    let _turn = heavy().await;
    let pair = Pair::start(&[]).await;
    let (port, pid) = (pair.notification.port(), pair.notification.pid());
    come_and_go(port, 1_000).await;
    pair.wait_streams(0).await;
    let (descriptors_before, memory_before) = (descriptors(pid), resident_kib(pid));
    come_and_go(port, if Scale::read().is_long() { 50_000 } else { 4_000 }).await;
    pair.wait_streams(0).await;
    until("descriptors are closed", async || {
        (descriptors(pid) <= descriptors_before + 5).then_some(())
    })
    .await;
    let grown = resident_kib(pid).saturating_sub(memory_before);
    assert!(grown < 16 * 1_024, "{grown} KiB more than before");
}

#[tokio::test]
async fn a_service_without_descriptors_keeps_its_streams_and_recovers() {
    let pair = Pair::start(&[]).await;
    let (port, pid) = (pair.notification.port(), pair.notification.pid());
    let mut staying = Dial::events(port).granted().await;
    staying.find(|block| block.is("ready")).await;
    // One post, so that the relay's connection stands.
    let first = pair.board().post("alice", "before", "key-1").await;
    staying.find(|block| block.id.as_ref() == Some(&first.id)).await;
    let few = descriptors(pid) as u64 + 10;
    prlimit(Some(pid), Resource::Nofile, Rlimit { current: Some(few), maximum: Some(few) })
        .unwrap();

    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(TcpStream::connect(("127.0.0.1", port)).await.unwrap());
    }
    until("descriptors run out", async || (descriptors(pid) as u64 >= few).then_some(())).await;
    let second = pair.board().post("alice", "meanwhile", "key-2").await;
    staying.find(|block| block.id.as_ref() == Some(&second.id)).await;

    drop(silent);
    until("streams are granted again", async || {
        let open = timeout(Duration::from_secs(2), Dial::events(port).open()).await.ok()?;
        (open.ok()?.status() == 200).then_some(())
    })
    .await;
}
