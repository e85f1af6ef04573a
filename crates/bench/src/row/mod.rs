//! The rows of the benchmark: what is done to each server, and what is measured.

pub(crate) mod arrivals;
pub(crate) mod burst;
pub(crate) mod crowd;
pub(crate) mod figure;
pub(crate) mod idle;
pub(crate) mod instances;
pub(crate) mod people;
pub(crate) mod post;
pub(crate) mod presence;
pub(crate) mod rude;
pub(crate) mod slow;
pub(crate) mod steady;
pub(crate) mod storm;
pub(crate) mod suite;
pub(crate) mod writers;

use std::time::Duration;

use anyhow::{Result, ensure};

use self::figure::{Figure, Sample};
use crate::clock;
use crate::load::mark::Mark;
use crate::load::poster::Poster;
use crate::target::{Kind, Lab, Publish};

/// One row.
pub(crate) trait Row {
    fn name(&self) -> &'static str;
    /// The workload in words, for the record.
    fn conditions(&self) -> String;
    fn figures(&self) -> &'static [Figure];
    /// The servers this row can be run against.
    fn targets(&self) -> &'static [Kind] {
        &Kind::BROADCASTERS
    }
    /// What it needs besides the servers and this machine does not have, if anything.
    fn missing(&self) -> Option<String> {
        None
    }
    /// Whether a bar that is missed fails the run: one that says what must never be, whatever the
    /// machine.
    fn is_strict(&self) -> bool {
        false
    }
    /// Starts a fresh server, does the work, and returns every figure.
    fn measure(&self, kind: Kind, lab: &Lab) -> Result<Sample>;
}

/// Lets a server finish what start-up or a wave of connections left it to do.
fn settle() -> Result<()> {
    clock::pause(Duration::from_secs(2))
}

/// Posts `count` marked texts at an even rate, each sent when it is due whatever the earlier ones
/// took, and returns the seconds it took. A server that cannot keep up is an error.
fn post_evenly(publish: &Publish, count: u32, bytes: usize, per_second: f64) -> Result<f64> {
    let mut poster = Poster::connect(publish.to)?;
    let start = clock::now();
    for seq in 0..count {
        clock::pause_until(start + (f64::from(seq) / per_second * 1e9) as u64)?;
        let body = publish.shape.body(Mark { seq, sent: clock::now() }, bytes);
        poster.post(publish.path, &body)?;
    }
    let seconds = (clock::now() - start) as f64 / 1e9;
    let planned = f64::from(count) / per_second;
    ensure!(
        seconds < planned * 1.1 + 0.5,
        "{count} posts at {per_second}/s took {seconds:.1} s instead of {planned:.1} s"
    );
    Ok(seconds)
}
