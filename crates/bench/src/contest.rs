//! Runs rows against their servers, taking turns, so that a change of the machine's mood hits all.

use anyhow::{Result, bail};

use crate::clock;
use crate::interrupt;
use crate::report::{Outcome, RowReport};
use crate::row::Row;
use crate::row::figure::{OTHERS, Sample};
use crate::target::{self, Kind, Lab};
use crate::usage;

/// Measures every wanted server `runs` times in turn. A server that fails is not tried again, and
/// the others go on.
pub(crate) fn run(row: &dyn Row, wanted: &[Kind], runs: usize, lab: &Lab) -> Result<RowReport> {
    let mut report = RowReport::new(row);
    for kind in row.targets().iter().filter(|kind| wanted.contains(kind)) {
        let outcome = match target::absent(*kind, lab).or_else(|| row.missing()) {
            Some(reason) => Outcome::Absent(reason),
            None => Outcome::Measured(Vec::with_capacity(runs)),
        };
        report.results.push((*kind, outcome));
    }
    if report.results.is_empty() {
        bail!("{} can be run against {:?} only", row.name(), row.targets());
    }
    for run in 1..=runs {
        for (kind, outcome) in &mut report.results {
            let Outcome::Measured(samples) = outcome else {
                continue;
            };
            eprintln!("{} {run}/{runs}: {kind} …", row.name());
            match measure(row, *kind, lab) {
                Ok(sample) => {
                    let figures: Vec<_> =
                        sample.iter().map(|(name, value)| format!("{name} {value:.2}")).collect();
                    eprintln!("    {}", figures.join(", "));
                    samples.push(sample);
                }
                Err(error) => {
                    interrupt::check()?;
                    eprintln!("    failed: {error:#}");
                    *outcome = Outcome::Failed(format!("{error:#}"));
                }
            }
        }
    }
    Ok(report)
}

/// One measurement, with what else the machine was doing: on a busy one no figure means much.
fn measure(row: &dyn Row, kind: Kind, lab: &Lab) -> Result<Sample> {
    let (start, all, own) = (clock::now(), usage::machine_processor()?, usage::family_processor()?);
    let mut sample = row.measure(kind, lab)?;
    // The server has ended by now, so its time has become part of this family's.
    let others = usage::machine_processor()? - all - (usage::family_processor()? - own);
    let cores = std::thread::available_parallelism()?.get() as f64;
    let seconds = (clock::now() - start) as f64 / 1e9;
    sample.insert(OTHERS.name, (others / seconds / cores * 100.0).max(0.0));
    Ok(sample)
}
