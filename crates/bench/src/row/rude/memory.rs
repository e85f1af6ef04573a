//! [`Memory`]: what a service holds before, during and after an attack.

use std::time::Duration;

use anyhow::Result;
use rustix::process::Pid;

use super::timeline::Timeline;
use crate::{clock, usage};

/// Between two looks.
const STEP: Duration = Duration::from_millis(200);

/// Resident bytes of one process.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Memory {
    /// When the attack begins.
    pub(super) before: f64,
    /// The most while it lasts, and until its end is forgotten.
    pub(super) peak: f64,
    /// When nobody has been rude for a while.
    pub(super) after: f64,
}

impl Memory {
    /// Watches a process through the timeline.
    pub(super) fn watch(pid: Pid, timeline: &Timeline) -> Result<Self> {
        clock::pause_until(timeline.attack)?;
        let before = usage::resident(&[pid])?;
        let mut peak = before;
        while clock::now() < timeline.after {
            clock::pause(STEP)?;
            peak = peak.max(usage::resident(&[pid])?);
        }
        Ok(Self { before, peak, after: usage::resident(&[pid])? })
    }

    /// What is held after the attack, as a multiple of what was held before it.
    pub(super) fn kept(&self) -> f64 {
        self.after / self.before
    }
}
