//! One monotonic clock for the whole process, in nanoseconds since its first use.
//!
//! Publisher and subscribers live in the same process, so one clock dates both ends of a delivery.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::interrupt;

static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Nanoseconds since this process first asked.
pub(crate) fn now() -> u64 {
    ORIGIN.elapsed().as_nanos() as u64
}

/// A duration in the unit of [`now`].
pub(crate) fn nanos(duration: Duration) -> u64 {
    duration.as_nanos() as u64
}

/// Sleeps, in steps short enough that an interrupt ends it.
pub(crate) fn pause(duration: Duration) -> Result<()> {
    pause_until(now() + nanos(duration))
}

/// Sleeps until the clock shows `due`.
pub(crate) fn pause_until(due: u64) -> Result<()> {
    loop {
        interrupt::check()?;
        let left = Duration::from_nanos(due.saturating_sub(now()));
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(Duration::from_millis(200)));
    }
}
