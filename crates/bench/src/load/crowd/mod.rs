//! A crowd of SSE clients on a few threads, each checking order and loss for itself.

mod client;
mod plan;
mod record;
mod shard;
mod tally;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Resource, getrlimit};

pub(crate) use self::client::connect;
pub(crate) use self::plan::{Pace, Plan, Stream, user_name};
pub(crate) use self::record::Record;
use self::shard::Shared;
pub(crate) use self::tally::Tally;
use crate::{clock, interrupt};

/// Descriptors for everything but the clients, here and in a server that has the same limit.
const SPARE_DESCRIPTORS: u64 = 500;

/// A running crowd; dropping it closes every connection.
pub(crate) struct Crowd {
    expect: u32,
    size: u64,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<Result<Record>>>,
}

impl Crowd {
    /// Connects every client and returns when all subscriptions stand.
    pub(crate) fn open(plan: &Plan) -> Result<Self> {
        let crowd = Self::begin(plan)?;
        let size = crowd.size;
        crowd.wait("every client is connected", plan.patience(), |tally| tally.ready >= size)?;
        Ok(crowd)
    }

    /// Begins to connect every client, and does not wait.
    pub(crate) fn begin(plan: &Plan) -> Result<Self> {
        let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        ensure!(
            plan.clients as u64 + SPARE_DESCRIPTORS <= allowed,
            "{} clients are too many for a limit of {allowed} open descriptors",
            plan.clients
        );
        let count = plan.pace.threads.clamp(1, plan.clients.max(1));
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            tallies: (0..count).map(|_| Mutex::default()).collect(),
        });
        let mut crowd = Self {
            expect: plan.expect,
            size: plan.clients as u64,
            shared: shared.clone(),
            threads: Vec::new(),
        };
        for number in 0..count {
            let (plan, shared) = (plan.clone(), shared.clone());
            let numbers =
                (plan.first..plan.first + plan.clients).skip(number).step_by(count).collect();
            let thread = std::thread::Builder::new()
                .name(format!("crowd-{number}"))
                .spawn(move || shard::run(number, &plan, numbers, &shared))?;
            crowd.threads.push(thread);
        }
        Ok(crowd)
    }

    /// The sum over all threads, at most one poll old.
    pub(crate) fn tally(&self) -> Tally {
        self.shared.tallies.iter().fold(Tally::default(), |sum, tally| {
            sum.plus(&tally.lock().expect("no thread panics while it copies a tally"))
        })
    }

    /// Waits until `done`, for at most `patience`; fails at once when a client sees a fault that no
    /// waiting can mend.
    pub(crate) fn wait(
        &self,
        what: &str,
        patience: Duration,
        done: impl Fn(&Tally) -> bool,
    ) -> Result<Tally> {
        let deadline = clock::now() + clock::nanos(patience);
        loop {
            interrupt::check()?;
            let tally = self.tally();
            if done(&tally) {
                return Ok(tally);
            }
            ensure!(self.is_whole(), "a thread of the crowd ended early: {tally}");
            if clock::now() > deadline {
                bail!("waited {patience:?} until {what}: {tally}");
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Whether no thread has ended, as one does that sees a fault.
    pub(crate) fn is_whole(&self) -> bool {
        !self.threads.iter().any(JoinHandle::is_finished)
    }

    /// Waits until every client has every post, in order.
    pub(crate) fn wait_complete(&self, patience: Duration) -> Result<Tally> {
        self.wait("every client has every post", patience, |tally| tally.complete >= self.size)
    }

    /// Closes every connection and returns what was seen.
    pub(crate) fn close(mut self) -> Result<Record> {
        self.shared.stop.store(true, Ordering::Relaxed);
        let mut all = Record::new();
        for thread in std::mem::take(&mut self.threads) {
            let part = thread.join().map_err(|_| anyhow::anyhow!("a crowd thread panicked"))??;
            all.add(&part);
        }
        Ok(all)
    }

    /// Closes the crowd and fails unless every client got every post once and in order.
    pub(crate) fn close_faultless(self) -> Result<Record> {
        let (size, expect) = (self.size, u64::from(self.expect));
        let record = self.close()?;
        let tally = &record.tally;
        tally.faultless().context("a delivery rule was broken")?;
        ensure!(
            tally.complete == size && tally.deliveries == size * expect,
            "{} of {} deliveries arrived: {tally}",
            tally.deliveries,
            size * expect
        );
        Ok(record)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // Its error no longer matters: whoever drops a crowd is already failing.
            let _ = thread.join();
        }
    }
}
