//! `realtalk-bench report`: files written by `--json` as a Markdown table, so that no figure in a
//! document is typed by hand.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use super::table::number;
use crate::report::Conditions;
use crate::row::figure::OTHERS;
use crate::row::suite;
use crate::target::Kind;

const BEGIN: &str = "<!-- realtalk-bench report: begin -->";
const END: &str = "<!-- realtalk-bench report: end -->";

/// Row, figure, and what a reader calls it: all figures with bars, and those that say most without; but for
/// [`ARRIVALS`] and [`RUDE`].
const LINES: &[(&str, &str, &str)] = &[
    ("idle", "memory per client", "memory per idle client"),
    ("idle", "cpu per client and second", "CPU per idle client and second"),
    ("burst", "deliveries", "burst: deliveries"),
    ("burst", "server cpu per delivery", "burst: CPU per delivery"),
    ("steady", "server cpu per delivery", "steady: CPU per delivery"),
    ("steady", "latency p50", "steady: latency p50"),
    ("steady", "latency p99", "steady: latency p99"),
    ("post", "POST /messages", "durable posts"),
    ("post", "share", "durable posts as a share of `GET /health`"),
    ("post", "post to seen p50", "post → seen p50"),
    ("post", "post to seen p99", "post → seen p99"),
    ("storm", "slowest return after its retry", "reconnect storm: slowest return"),
    ("storm", "lost", "reconnect storm: events lost"),
    ("storm", "duplicated", "reconnect storm: events duplicated"),
    ("slow", "p99 with / without", "slow readers: p99 of the others, with / without"),
    ("slow", "stuck closed after", "slow readers: closed after"),
    ("slow", "memory kept per stuck", "slow readers: memory kept for each"),
    ("people", "list p50", "list of conversations p50"),
    ("people", "list p99", "list of conversations p99"),
    ("people", "private p50", "private message: latency p50"),
    ("people", "private p99", "private message: latency p99"),
    ("people", "deliveries per message", "private message: deliveries"),
    ("people", "deliveries to others", "private messages: deliveries to others"),
    ("people", "other events written", "private messages: other events written"),
    ("crowd", "streams", "a large crowd: streams"),
    ("crowd", "streams without the post", "a large crowd: streams without the post"),
    ("crowd", "memory per stream", "a large crowd: memory per stream"),
    ("crowd", "memory, all / one", "a large crowd: memory per stream, all instances / one"),
    ("crowd", "cpu per delivery", "a large crowd: CPU per delivery"),
    ("crowd", "last stream has it after", "a large crowd: the last stream has the post after"),
    ("instances", "cpu per delivery, 1 instance", "CPU per delivery, 1 instance"),
    ("instances", "2 instances / 1", "CPU per delivery, 2 instances / 1"),
    ("instances", "4 instances / 1", "CPU per delivery, 4 instances / 1"),
    ("instances", "Redis on top, p50", "post → seen p50, what Redis takes"),
    ("writers", "SQLite: posts", "durable posts, SQLite"),
    ("writers", "PostgreSQL, 1 service: posts", "durable posts, PostgreSQL"),
    ("writers", "PostgreSQL / SQLite, 1 service", "durable posts, PostgreSQL / SQLite"),
    ("writers", "3 services / 1", "durable posts on PostgreSQL, 3 services / 1"),
    ("presence", "all say the same after", "who is online: 3 instances say the same after"),
    ("presence", "all are right after", "who is online: they are right after"),
    ("presence", "ghosts after 60 s", "who is online: ghosts after 60 s"),
    ("presence", "users missing after 60 s", "who is online: missing after 60 s"),
];

/// The ways to arrive, by their rows.
const ARRIVALS: [(&str, &str); 6] = [
    ("arrivals-sse-anonymous", "SSE, anonymous"),
    ("arrivals-sse-named", "SSE, named"),
    ("arrivals-sse-token", "SSE, by token"),
    ("arrivals-ws-anonymous", "WebSocket, anonymous"),
    ("arrivals-ws-named", "WebSocket, named"),
    ("arrivals-ws-token", "WebSocket, by token"),
];

/// The figures of each of them, as far as there are bars for it.
const OF_ARRIVALS: [(&str, &str); 5] = [
    ("cpu of an opening", "CPU of an opening"),
    ("openings", "openings"),
    ("peak memory per client", "peak memory for each"),
    ("memory per client 30 s later", "memory for each 30 s later"),
    ("more per client with the third storm", "more for each with the third storm"),
];

/// Those who are rude, by their rows.
const RUDE: [(&str, &str); 10] = [
    ("rude-resume", "streams that resume far behind"),
    ("rude-sockets", "WebSockets that resume far behind"),
    ("rude-unread", "unread answers"),
    ("rude-slow", "unread streams"),
    ("rude-groups", "large groups"),
    ("rude-presence", "questions under new names"),
    ("rude-posts", "posts over WebSockets"),
    ("rude-heads", "half heads"),
    ("rude-searches", "searches"),
    ("rude-lists", "long lists"),
];

/// The figures of each of them that have bars.
const OF_RUDE: [(&str, &str); 4] = [
    ("worst p99 attacked / quiet", "the others' worst p99, with / without"),
    ("refused", "the others' refusals"),
    ("peak of a service", "peak memory of a service"),
    ("memory after / before", "memory of a service, after / before"),
];

/// All lines of the table: row, figure, and what a reader calls it.
fn lines() -> Vec<(&'static str, &'static str, String)> {
    let rows = suite::known();
    let has_bars = |row: &str, figure: &str| {
        let figures = rows.iter().filter(|known| known.name() == row).flat_map(|row| row.figures());
        figures.into_iter().any(|known| known.name == figure && !known.bars.is_empty())
    };
    let mut lines: Vec<_> =
        LINES.iter().map(|(row, figure, what)| (*row, *figure, (*what).to_owned())).collect();
    for (row, who) in ARRIVALS {
        for (figure, what) in OF_ARRIVALS.iter().filter(|(figure, _)| has_bars(row, figure)) {
            lines.push((row, figure, format!("storm of people, {who}: {what}")));
        }
    }
    for (row, who) in RUDE {
        for (figure, what) in OF_RUDE {
            lines.push((row, figure, format!("rude, {who}: {what}")));
        }
    }
    lines
}

#[derive(clap::Args, Debug)]
pub(crate) struct Report {
    /// Files written by --json; no row may be in two of them
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Also put the table between the markers in this file
    #[arg(long)]
    readme: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Measurement {
    conditions: Conditions,
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    row: String,
    conditions: String,
    results: Vec<Measured>,
    bars: Vec<Judged>,
}

#[derive(Deserialize)]
struct Measured {
    target: Kind,
    /// JSON has no infinity: what never happened is null.
    #[serde(default)]
    median: BTreeMap<String, Option<f64>>,
    failed: Option<String>,
}

#[derive(Deserialize)]
struct Judged {
    figure: String,
    bar: String,
    met: Option<bool>,
}

impl Report {
    pub(crate) fn run(&self) -> Result<()> {
        let mut measurements = Vec::new();
        for path in &self.files {
            let name = path.display();
            let text = fs::read(path).with_context(|| format!("read {name}"))?;
            let measurement = serde_json::from_slice(&text)
                .with_context(|| format!("{name} was not written by --json"))?;
            measurements.push(measurement);
        }
        let text = render(&measurements)?;
        print!("{text}");
        if let Some(path) = &self.readme {
            let name = path.display();
            let old = fs::read_to_string(path).with_context(|| format!("read {name}"))?;
            let Some(new) = insert(&old, &text) else {
                bail!("{name} needs the lines {BEGIN} and {END}, in this order");
            };
            fs::write(path, new).with_context(|| format!("write {name}"))?;
        }
        Ok(())
    }
}

/// The table and the conditions.
fn render(measurements: &[Measurement]) -> Result<String> {
    let (lines, mut rows) = (lines(), BTreeMap::new());
    for row in measurements.iter().flat_map(|measurement| &measurement.rows) {
        // Of two results of a row, nobody should pick the better one.
        ensure!(rows.insert(&*row.row, row).is_none(), "the row {} was given twice", row.row);
        for bar in &row.bars {
            // A bar that is left out might be a missed one.
            let shown = lines.iter().any(|line| line.0 == row.row && line.1 == bar.figure);
            ensure!(shown, "{}: unknown figure {}: from another version?", row.row, bar.figure);
        }
    }
    let mut text = "| what | RealTalk | nchan | bare write loop | Centrifugo | ratio | bar |\n\
                    | --- | ---: | ---: | ---: | ---: | --- | --- |\n"
        .to_owned();
    let known = suite::known();
    for (name, figure, what) in &lines {
        let Some(row) = rows.get(name) else { continue };
        let mut known =
            known.iter().filter(|row| row.name() == *name).flat_map(|row| row.figures());
        let known = known.find(|known| known.name == *figure).context("a line without a figure")?;
        let unit = if known.unit.is_empty() { "" } else { &format!(", {}", known.unit) };
        text += &format!("| {what}{unit} | {} |\n", row.cells(figure, known.digits).join(" | "));
    }
    Ok(format!("{text}\n{}\n", paragraph(measurements)))
}

/// Everything that a reader has to know to judge the figures.
fn paragraph(measurements: &[Measurement]) -> String {
    let mut sentences = Vec::new();
    for (index, measurement) in measurements.iter().enumerate() {
        // Files of one sitting share the machine and the servers, which are told once.
        if index == 0 || measurements[index - 1].conditions != measurement.conditions {
            sentences.extend(measurement.conditions.lines().lines().map(str::to_owned));
        }
        for row in &measurement.rows {
            sentences.push(format!("{}: {}", row.row, row.conditions));
            for result in &row.results {
                if let Some(reason) = &result.failed {
                    sentences.push(format!("{} FAILED in {}: {reason}", result.target, row.row));
                }
            }
        }
    }
    let results = measurements.iter().flat_map(|of| &of.rows).flat_map(|row| &row.results);
    let others = results.filter_map(|result| *result.median.get(OTHERS.name)?);
    if let Some(most) = others.max_by(f64::total_cmp) {
        sentences.push(format!("Unrelated programs used at most {most:.0} % of the machine"));
    }
    let text = sentences.join(". ") + ".";
    // A reason may have lines of its own, and an empty one would end the paragraph.
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Row {
    /// The servers' medians, RealTalk's multiples of the others' and the bars.
    fn cells(&self, figure: &str, digits: usize) -> Vec<String> {
        let result = |kind| self.results.iter().find(|result| result.target == kind);
        let median =
            |kind| result(kind)?.median.get(figure).map(|median| median.unwrap_or(f64::INFINITY));
        let mut cells: Vec<String> = Kind::ALL
            .map(|kind| match (median(kind), result(kind)) {
                (Some(value), _) => number(value, digits),
                (None, Some(Measured { failed: Some(_), .. })) => "FAILED".into(),
                (None, _) => "–".into(),
            })
            .into();
        let ratios = Kind::ALL[1..].iter().filter_map(|kind| {
            let (own, other) = (median(Kind::Realtalk)?, median(*kind)?);
            // Small ratios keep two digits that say something.
            let digits = if own / other < 0.1 { 3 } else { 2 };
            let finite = own.is_finite() && other.is_finite() && other != 0.0;
            finite.then(|| format!("{} × {kind}", number(own / other, digits)))
        });
        cells.push(ratios.collect::<Vec<_>>().join(", "));
        let bars = self.bars.iter().filter(|bar| bar.figure == figure).map(|bar| {
            let verdict =
                bar.met.map_or("not judged", |met| if met { "met" } else { "**missed**" });
            format!("{} {verdict}", bar.bar)
        });
        cells.push(bars.collect::<Vec<_>>().join(", "));
        cells
    }
}

/// The document with the text between the markers; `None` when they are not there.
fn insert(document: &str, text: &str) -> Option<String> {
    let (before, rest) = document.split_once(&format!("{BEGIN}\n"))?;
    let after = &rest[rest.find(END)?..];
    Some(format!("{before}{BEGIN}\n\n{text}\n{after}"))
}

#[cfg(test)]
mod tests;
