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
        }
    }

    /// A server's median of a figure, if it was measured.
    pub(crate) fn median(&self, kind: Kind, figure: &str) -> Option<f64> {
        self.results.iter().find(|(of, _)| *of == kind).and_then(|(_, outcome)| match outcome {
            Outcome::Measured(samples) => medians(samples).get(figure).copied(),
            _ => None,
        })
    }

    /// Whether a server failed.
    pub(crate) fn failed(&self) -> bool {
        self.results.iter().any(|(_, outcome)| matches!(outcome, Outcome::Failed(_)))
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
