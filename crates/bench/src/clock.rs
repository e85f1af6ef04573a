//! The machine's monotonic clock, in nanoseconds.
//!
//! Publisher and subscribers are on the same machine, though not always in the same process, so one clock
//! dates both ends of a delivery.

use std::time::Duration;

use anyhow::Result;
use rustix::time::{ClockId, clock_gettime};

use crate::interrupt;

/// Nanoseconds since some moment that is the same for all processes.
pub(crate) fn now() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
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
