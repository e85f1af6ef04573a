//! A part of a throng, from inside: opens its crowd, says on its output how far it is, and ends with its input.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, bail};
use rustix::process::Signal;

use super::STEP;
use crate::load::crowd::{Crowd, Plan, Tally};

/// Runs the crowd of this plan, as JSON, until the input ends.
pub(crate) fn run(plan: &str) -> Result<()> {
    // The input's end is enough, unless somebody else has inherited the pipe.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    let plan: Plan = serde_json::from_str(plan)?;
    let is_dismissed = Arc::new(AtomicBool::new(false));
    let sign = is_dismissed.clone();
    std::thread::Builder::new().spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        sign.store(true, Ordering::Relaxed);
    })?;
    let crowd = Crowd::begin(&plan)?;
    while !is_dismissed.load(Ordering::Relaxed) {
        say(&crowd.tally())?;
        if !crowd.is_whole() {
            // Its own error is the better one.
            crowd.close()?;
            bail!("a thread of the crowd ended early");
        }
        std::thread::sleep(STEP);
    }
    say(&crowd.close()?.tally)
}

fn say(tally: &Tally) -> Result<()> {
    let line = serde_json::to_string(tally)? + "\n";
    Ok(std::io::stdout().write_all(line.as_bytes())?)
}
