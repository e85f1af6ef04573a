//! Runs the program as a user would, against the one server that needs nothing installed.

use std::process::Command;

use serde_json::Value;

#[test]
fn a_burst_against_the_bare_loop_writes_its_figures() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("burst.json");
    let output = Command::new(env!("CARGO_BIN_EXE_realtalk-bench"))
        .args(["burst", "--targets", "bare", "--clients", "50", "--posts", "20"])
        .arg("--json")
        .arg(&file)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains("burst: 50 SSE clients, 20 posts of 200 bytes"), "{table}");

    let report: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert!(report["conditions"]["cores"].as_u64().unwrap() > 0);
    let row = &report["rows"][0];
    assert_eq!(row["row"], "burst");
    let result = &row["results"][0];
    assert_eq!(result["target"], "bare");
    let rate = result["runs"][0]["deliveries"].as_f64().unwrap();
    assert!(rate > 0.0);
    assert_eq!(result["median"]["deliveries"].as_f64(), Some(rate));
    // Every event is at least its text and its frame.
    assert!(result["median"]["bytes per delivery"].as_f64().unwrap() > 250.0);
    // A bar against RealTalk is not judged without RealTalk.
    assert!(row["bars"][0]["met"].is_null());
}
