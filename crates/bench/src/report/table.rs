//! A row's results as an aligned table.

use crate::report::{Outcome, RowReport};
use crate::row::figure::{Bar, Figure};
use crate::target::Kind;

/// The table with a heading, and a line for each server without figures.
pub(crate) fn render(report: &RowReport) -> String {
    let kinds: Vec<Kind> = report.results.iter().map(|(kind, _)| *kind).collect();
    let mut lines = vec![header(&kinds)];
    for figure in &report.figures {
        lines.extend(figure_lines(report, figure, &kinds));
    }
    let mut text = format!("\n{}: {}\n", report.name, report.conditions);
    text += &align(&lines, kinds.len());
    for (kind, outcome) in &report.results {
        match outcome {
            Outcome::Measured(_) => {}
            Outcome::Absent(reason) => text += &format!("{kind} was not measured: {reason}\n"),
            Outcome::Failed(reason) => text += &format!("{kind} FAILED: {reason}\n"),
        }
    }
    text
}

fn header(kinds: &[Kind]) -> Vec<String> {
    let mut cells = vec![String::new(), "unit".into()];
    cells.extend(kinds.iter().map(|kind| kind.name().to_owned()));
    cells.extend(["ratio", "bar", ""].map(String::from));
    cells
}

/// A line with the medians and the first bar, and one for each further bar.
fn figure_lines(report: &RowReport, figure: &Figure, kinds: &[Kind]) -> Vec<Vec<String>> {
    let mut first = vec![figure.name.to_owned(), figure.unit.to_owned()];
    first.extend(kinds.iter().map(|kind| match report.median(*kind, figure.name) {
        Some(value) => number(value, figure.digits),
        None => "–".into(),
    }));
    let blank = vec![String::new(); first.len()];
    let judge = |bar: &Bar| {
        let verdict = bar.judge(|kind| report.median(kind, figure.name));
        let ratio = verdict.as_ref().and_then(|verdict| verdict.ratio);
        vec![
            ratio.map_or(String::new(), |(ratio, kind)| format!("{ratio:.2} × {kind}")),
            bar.to_string(),
            match verdict {
                None => "not judged".into(),
                Some(verdict) if verdict.met => "met".into(),
                Some(_) => "MISSED".into(),
            },
        ]
    };
    let mut bars = figure.bars.iter().map(judge);
    let mut lines = vec![[first, bars.next().unwrap_or_default()].concat()];
    lines.extend(bars.map(|bar| [blank.clone(), bar].concat()));
    lines
}

/// Numbers to the right, words to the left.
fn align(lines: &[Vec<String>], targets: usize) -> String {
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max()
        })
        .map(Option::unwrap_or_default)
        .collect();
    let mut text = String::new();
    for line in lines {
        let cells: Vec<String> = line
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(column, (cell, &width))| match column {
                _ if (2..2 + targets).contains(&column) => format!("{cell:>width$}"),
                _ => format!("{cell:<width$}"),
            })
            .collect();
        text += cells.join("  ").trim_end();
        text.push('\n');
    }
    text
}

/// `1234567.8` with one digit as `1,234,567.8`.
pub(crate) fn number(value: f64, digits: usize) -> String {
    if !value.is_finite() {
        return "never".into();
    }
    let plain = format!("{:.digits$}", value.abs());
    let (whole, fraction) = plain.split_once('.').map_or((&*plain, None), |(w, f)| (w, Some(f)));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let sign = if value < 0.0 { "-" } else { "" };
    match fraction {
        Some(fraction) => format!("{sign}{grouped}.{fraction}"),
        None => format!("{sign}{grouped}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(number(1_234_567.84, 1), "1,234,567.8");
        assert_eq!(number(999.0, 0), "999");
        assert_eq!(number(-1_000.0, 0), "-1,000");
        assert_eq!(number(f64::INFINITY, 1), "never");
    }
}
