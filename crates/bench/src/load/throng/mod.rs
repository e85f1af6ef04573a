//! [`Throng`]: a crowd in several processes, because one may not have as many descriptors.

pub(crate) mod inside;
mod part;

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use self::part::Part;
use super::crowd::{Plan, Tally};
use crate::{clock, interrupt};

/// How often it is told how far a wait has come.
const TELL: Duration = Duration::from_secs(5);

/// How often the parts are looked at; they say how far they are as often.
const STEP: Duration = Duration::from_millis(100);

/// Crowds that run; dropping it ends them.
#[derive(Default)]
pub(crate) struct Throng {
    parts: Vec<Part>,
    size: u64,
    deliveries: u64,
}

impl Throng {
    /// Has a further process open a crowd, and does not wait.
    pub(crate) fn join(&mut self, plan: &Plan) -> Result<()> {
        self.parts.push(Part::start(plan)?);
        self.size += plan.clients as u64;
        self.deliveries += plan.clients as u64 * u64::from(plan.expect);
        Ok(())
    }

    /// Clients of all crowds.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Waits until all that have joined are connected, for at most `patience`.
    pub(crate) fn wait_ready(&self, patience: Duration) -> Result<()> {
        self.wait("are connected", patience, |tally| tally.ready)
    }

    /// Waits until every client has every post, in order.
    pub(crate) fn wait_complete(&self, patience: Duration) -> Result<()> {
        self.wait("have every post", patience, |tally| tally.complete)
    }

    fn wait(&self, what: &str, patience: Duration, count: fn(&Tally) -> u64) -> Result<()> {
        let begun = clock::now();
        let mut told = begun;
        loop {
            let tally = self.tally()?;
            // No waiting mends that.
            tally.faultless()?;
            if count(&tally) >= self.size {
                return Ok(());
            }
            let now = clock::now();
            if now - begun > clock::nanos(patience) {
                bail!("{} of {} {what} after {patience:?}: {tally}", count(&tally), self.size);
            }
            if now - told > clock::nanos(TELL) {
                told = now;
                eprintln!("    {} of {} {what}", count(&tally), self.size);
            }
            clock::pause(STEP)?;
        }
    }

    /// The sum over all parts, some tenths of a second old.
    fn tally(&self) -> Result<Tally> {
        interrupt::check()?;
        for (number, part) in self.parts.iter().enumerate() {
            ensure!(
                !part.has_ended(),
                "process {number} of the crowd ended early: {}",
                part.tally()
            );
        }
        Ok(self.parts.iter().fold(Tally::default(), |sum, part| sum.plus(&part.tally())))
    }

    /// Closes every connection; fails unless every client got every post once and in order, and none was cut.
    pub(crate) fn close_faultless(mut self) -> Result<Tally> {
        for part in &mut self.parts {
            part.dismiss();
        }
        let mut sum = Tally::default();
        for part in std::mem::take(&mut self.parts) {
            sum = sum.plus(&part.close()?);
        }
        sum.faultless().context("a delivery rule was broken")?;
        ensure!(
            sum.complete == self.size && sum.deliveries == self.deliveries && sum.cut == 0,
            "{} of {} deliveries arrived: {sum}",
            sum.deliveries,
            self.deliveries
        );
        Ok(sum)
    }
}
