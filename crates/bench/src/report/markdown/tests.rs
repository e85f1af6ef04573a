use serde_json::json;

use super::*;

fn sample() -> Measurement {
    let text = json!({
        "conditions": {
            "kernel": "Linux 6.1", "cores": 4, "runs": 3, "quick": true, "generator": "release build",
            "targets": [["realtalk", "realtime-ntfn 0.1.0"], ["nchan", "nginx/1.22"]],
        },
        "rows": [{
            "row": "burst",
            "conditions": "10 SSE clients",
            "results": [
                { "target": "realtalk", "runs": [], "median": {
                    "deliveries": 3_000_000.0, "server cpu per delivery": 0.25,
                    "bytes per delivery": 400.0, "machine used by others": 2.0 } },
                { "target": "nchan", "runs": [], "median": {
                    "deliveries": 150_000.0, "server cpu per delivery": 5.0,
                    "machine used by others": 7.0 } },
                { "target": "bare", "failed": "an event\n\nwas lost" },
            ],
            "bars": [
                { "figure": "deliveries", "bar": "≥ 15 × nchan", "ratio": 20.0, "met": true },
                { "figure": "deliveries", "bar": "≥ 3 × bare", "ratio": null, "met": null },
            ],
        }, {
            "row": "slow",
            "conditions": "5 of 10 never read",
            "results": [
                { "target": "realtalk", "median": { "stuck closed after": 40.0 } },
                { "target": "nchan", "median": { "stuck closed after": null } },
            ],
            "bars": [{ "figure": "stuck closed after", "bar": "≤ 35", "ratio": null, "met": false }],
        }],
    });
    serde_json::from_value(text).unwrap()
}

#[test]
fn figures_bars_and_conditions_are_rendered() {
    let text = render(&[sample()]).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[2],
        "| burst: deliveries, 1/s | 3,000,000 | 150,000 | FAILED | – | 20.00 × nchan \
         | ≥ 15 × nchan met, ≥ 3 × bare not judged |"
    );
    assert_eq!(
        lines[3],
        "| burst: CPU per delivery, µs | 0.25 | 5.00 | FAILED | – | 0.050 × nchan |  |"
    );
    let closed = "| slow readers: closed after, s | 40.0 | never | – | – |  | ≤ 35 **missed** |";
    assert!(lines.contains(&closed), "{text}");
    assert!(!text.contains("bytes per delivery"), "{text}");
    assert_eq!(
        *lines.last().unwrap(),
        "Linux 6.1, 4 cores; median of 3, --quick (shorter rows); release build. \
         realtalk: realtime-ntfn 0.1.0. nchan: nginx/1.22. burst: 10 SSE clients. \
         bare FAILED in burst: an event was lost. slow: 5 of 10 never read. \
         Unrelated programs used at most 7 % of the machine."
    );
}

#[test]
fn a_row_is_taken_from_one_file_only() {
    let error = render(&[sample(), sample()]).unwrap_err();
    assert_eq!(error.to_string(), "the row burst was given twice");
}

#[test]
fn every_figure_with_a_bar_has_a_line_and_every_line_a_figure() {
    let (rows, lines) = (suite::known(), lines());
    let figures = || rows.iter().flat_map(|row| row.figures().iter().map(|of| (row.name(), of)));
    for (row, figure) in figures().filter(|(_, figure)| !figure.bars.is_empty()) {
        let mut lines = lines.iter();
        assert!(lines.any(|line| (line.0, line.1) == (row, figure.name)), "{row}: {}", figure.name);
    }
    for line in &lines {
        assert!(figures().any(|(row, of)| (row, of.name) == (line.0, line.1)), "{line:?}");
    }
}

#[test]
fn only_what_stands_between_the_markers_is_replaced() {
    let document = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
    let new = insert(&document, "new\n").unwrap();
    assert_eq!(new, format!("before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"));
    assert_eq!(insert(&new, "new\n").unwrap(), new);
    assert_eq!(insert(&format!("{END}\n{BEGIN}\n"), "new\n"), None);
}
