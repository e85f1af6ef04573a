//! A part of a crowd as its parent has it: a process that says how far it is, and ends with its input.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_realtalk-bench");

/// Ends it when the test does.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn a_part_of_a_crowd_says_when_all_are_connected_and_ends_with_its_input() {
    let to = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let port = to.port().to_string();
    let _server =
        Server(Command::new(PROGRAM).args(["bare-server", "--port", &port]).spawn().unwrap());
    let plan = json!({
        "first": 4_000, "clients": 40, "expect": 1,
        // The server may not listen yet: whoever is refused comes again.
        "reconnect": true,
        "stream": {
            "to": to, "also": [], "path": "/events", "says_ready": true, "ids_grow": true, "by_name": false,
        },
        "pace": { "threads": 1, "per_second": 1_000, "outstanding": 10 },
    });
    let mut part = Command::new(PROGRAM)
        .args(["crowd-part", &plan.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(part.stdout.take().unwrap()).lines().map(|line| {
        let tally: Value = serde_json::from_str(&line.unwrap()).unwrap();
        (tally["ready"].as_u64().unwrap(), tally["deliveries"].as_u64().unwrap())
    });
    assert!(lines.any(|(ready, _)| ready == 40), "it ended before all were connected");
    drop(part.stdin.take());
    assert_eq!(lines.last().map(|(_, deliveries)| deliveries), Some(0));
    assert!(part.wait().unwrap().success());
}
