//! What was measured, under which conditions, as JSON and as tables.

pub(crate) mod markdown;
pub(crate) mod table;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::row::Row;
use crate::row::figure::{Figure, OTHERS, Sample, medians};
use crate::target::{self, Kind, Lab};

/// The results of one row.
pub(crate) struct RowReport {
    pub(crate) name: &'static str,
    pub(crate) conditions: String,
    pub(crate) figures: Vec<Figure>,
    pub(crate) results: Vec<(Kind, Outcome)>,
    /// Whether a missed bar is a failure.
    is_strict: bool,
}

/// What came of one server in one row.
pub(crate) enum Outcome {
    Measured(Vec<Sample>),
    /// Not on this machine; the reason.
    Absent(String),
    /// A broken rule or an error; what it was.
    Failed(String),
}

impl RowReport {
    pub(crate) fn new(row: &dyn Row) -> Self {
        Self {
            name: row.name(),
            conditions: row.conditions(),
            figures: row.figures().iter().copied().chain([OTHERS]).collect(),
            results: Vec::new(),
            is_strict: row.is_strict(),
        }
    }

    /// A server's median of a figure, if it was measured.
    pub(crate) fn median(&self, kind: Kind, figure: &str) -> Option<f64> {
        self.results.iter().find(|(of, _)| *of == kind).and_then(|(_, outcome)| match outcome {
            Outcome::Measured(samples) => medians(samples).get(figure).copied(),
            _ => None,
        })
    }

    /// Whether a server failed, or missed a bar that has to be met.
    pub(crate) fn failed(&self) -> bool {
        let failed = self.results.iter().any(|(_, outcome)| matches!(outcome, Outcome::Failed(_)));
        failed || self.is_strict && self.misses_a_bar()
    }

    fn misses_a_bar(&self) -> bool {
        self.figures.iter().any(|figure| {
            let mut verdicts = figure
                .bars
                .iter()
                .filter_map(|bar| bar.judge(|kind| self.median(kind, figure.name)));
            verdicts.any(|verdict| !verdict.met)
        })
    }

    fn json(&self) -> Value {
        let results = self.results.iter().map(|(kind, outcome)| match outcome {
            Outcome::Measured(samples) => {
                json!({ "target": kind, "runs": samples, "median": medians(samples) })
            }
            Outcome::Absent(reason) => json!({ "target": kind, "absent": reason }),
            Outcome::Failed(reason) => json!({ "target": kind, "failed": reason }),
        });
        let bars = self.figures.iter().flat_map(|figure| {
            figure.bars.iter().map(|bar| {
                let verdict = bar.judge(|kind| self.median(kind, figure.name));
                json!({
                    "figure": figure.name,
                    "unit": figure.unit,
                    "bar": bar.to_string(),
                    "ratio": verdict.as_ref().and_then(|verdict| verdict.ratio).map(|(r, _)| r),
                    "met": verdict.map(|verdict| verdict.met),
                })
            })
        });
        json!({
            "row": self.name,
            "conditions": self.conditions,
            "results": results.collect::<Vec<_>>(),
            "bars": bars.collect::<Vec<_>>(),
        })
    }
}

/// The machine and the servers.
#[derive(Deserialize, PartialEq, Serialize)]
pub(crate) struct Conditions {
    kernel: String,
    cores: usize,
    runs: usize,
    /// Whether the rows were shorter than by default.
    #[serde(default)]
    quick: bool,
    generator: String,
    targets: Vec<(Kind, String)>,
}

impl Conditions {
    pub(crate) fn of(lab: &Lab, runs: usize, quick: bool, targets: &[Kind]) -> Self {
        let uname = rustix::system::uname();
        Self {
            kernel: format!(
                "{} {}",
                uname.sysname().to_string_lossy(),
                uname.release().to_string_lossy()
            ),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            runs,
            quick,
            generator: format!(
                "realtalk-bench {}, {} build, {} threads, same machine, loopback",
                env!("CARGO_PKG_VERSION"),
                if cfg!(debug_assertions) { "debug" } else { "release" },
                lab.pace.threads
            ),
            targets: targets
                .iter()
                .map(|kind| {
                    let text =
                        target::absent(*kind, lab).unwrap_or_else(|| target::settings(*kind, lab));
                    (*kind, text)
                })
                .collect(),
        }
    }

    /// The lines above the tables.
    pub(crate) fn lines(&self) -> String {
        let mut text = format!(
            "{}, {} cores; median of {}{}; {}\n",
            self.kernel,
            self.cores,
            self.runs,
            if self.quick { ", --quick (shorter rows)" } else { "" },
            self.generator
        );
        for (kind, settings) in &self.targets {
            text += &format!("{kind}: {settings}\n");
        }
        text
    }
}

/// Everything, as it is written to a file.
pub(crate) fn json(conditions: &Conditions, rows: &[RowReport]) -> Value {
    json!({
        "conditions": conditions,
        "rows": rows.iter().map(RowReport::json).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::row::figure::Bar;

    #[test]
    fn a_missed_bar_fails_where_bars_have_to_be_met() {
        let bars: &[Bar] = &[Bar::Most(1.0)];
        let report = |is_strict, value| RowReport {
            name: "row",
            conditions: String::new(),
            figures: vec![Figure { name: "x", unit: "", digits: 0, bars }],
            results: vec![(Kind::Realtalk, Outcome::Measured(vec![Sample::from([("x", value)])]))],
            is_strict,
        };
        assert!(report(true, 2.0).failed());
        assert!(!report(true, 1.0).failed());
        assert!(!report(false, 2.0).failed());
    }
}
