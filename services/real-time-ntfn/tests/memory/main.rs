//! Connections come and go, and leave nothing behind.
//!
//! A binary of its own, since it looks at the memory and the descriptors of the process.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../shards/stage.rs"]
#[allow(dead_code, reason = "shared with the tests of difficult clients")]
mod stage;

mod sockets;
mod streams;

use std::{
    fs,
    sync::{Mutex, MutexGuard, PoisonError},
};

static ALONE: Mutex<()> = Mutex::new(());

/// One test at a time: each looks at what belongs to all.
fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
