//! A crew: threads that send requests one after the other, each over its own connection.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Result, anyhow, ensure};

use super::ring::Step;
use crate::load::histogram::Histogram;
use crate::load::poster::Poster;
use crate::{clock, interrupt};

/// Requests under way while everything is made: the more, the more share a transaction.
const WIDTH: usize = 64;

/// How often progress is told.
const TELL: Duration = Duration::from_secs(5);

/// Does all steps, in no particular order.
pub(super) fn carry_out(
    what: &str,
    to: SocketAddr,
    count: usize,
    step: impl Fn(usize) -> Step + Sync,
) -> Result<()> {
    let (next, told) = (AtomicUsize::new(0), AtomicU64::new(clock::now()));
    let work = || -> Result<()> {
        let mut poster = Poster::connect(to)?;
        loop {
            interrupt::check()?;
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return Ok(());
            }
            let Step { path, body } = step(number);
            poster.post(path, &body)?;
            let (last, now) = (told.load(Ordering::Relaxed), clock::now());
            // Whoever sees first that it is time speaks for all.
            if now.saturating_sub(last) >= clock::nanos(TELL)
                && told.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
            {
                eprintln!("    {what}: {number} of {count}");
            }
        }
    };
    join(WIDTH, work).map(drop)
}

/// Asks for paths as fast as the answers come, `width` at a time, for `duration`; returns how long
/// each answer took.
pub(super) fn ask(
    to: SocketAddr,
    width: usize,
    duration: Duration,
    path: impl Fn() -> String + Sync,
) -> Result<(Histogram, u64)> {
    let end = clock::now() + clock::nanos(duration);
    let work = || -> Result<(Histogram, u64)> {
        let (mut poster, mut took, mut count) = (Poster::connect(to)?, Histogram::new(), 0);
        while clock::now() < end {
            interrupt::check()?;
            let path = path();
            let asked = clock::now();
            let answer = poster.get(&path)?;
            took.record(clock::now() - asked);
            count += 1;
            ensure!(answer.status == 200, "GET {path} answered {}", answer.status);
        }
        Ok((took, count))
    };
    let mut all = (Histogram::new(), 0);
    for (took, count) in join(width, work)? {
        all.0.merge(&took);
        all.1 += count;
    }
    Ok(all)
}

/// Runs `work` on so many threads; fails if one of them does.
fn join<T: Send>(width: usize, work: impl Fn() -> Result<T> + Sync) -> Result<Vec<T>> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..width).map(|_| scope.spawn(&work)).collect();
        let joined = threads.into_iter().map(|thread| {
            thread.join().map_err(|_| anyhow!("a thread of the crew panicked")).flatten()
        });
        joined.collect()
    })
}
