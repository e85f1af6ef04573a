//! What the program writes about itself.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

use common::Secret;
use http_kit::SessionCookies;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::wire::Wire;

const CANARY: &str = "canary-6b1f0e5c";
const SECRET: &str = "secret-canary-90d2aa17";
const TOKEN_SECRET: &str = "secret-canary-90d2aa17, which signs tokens";
const OPERATOR: &str = "secret-canary-90d2aa17, of the operator";
const PASSWORD: &str = "secret-canary-90d2aa17, of alice";

/// The program itself; killed when dropped.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Runs the program, lets clients say things to it that must not be logged, stops it, and returns
/// its log. No line of it has what was said.
fn log_at(filter: &str) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program(
        Command::new(env!("CARGO_BIN_EXE_message-service"))
            .env_clear()
            .env("PORT", "0")
            .env("DATA_DIR", folder.path())
            .env("INTERNAL_SECRET", SECRET)
            .env("JWT_SECRET", TOKEN_SECRET)
            .env("ADMIN_TOKEN", OPERATOR)
            .env("NOTIFICATION_SERVICE_URL", "http://127.0.0.1:1")
            .env("LOG_FORMAT", "json")
            .env("RUST_LOG", filter)
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let mut lines = BufReader::new(program.0.stderr.take().unwrap()).lines();
    let mut log: Vec<Value> = Vec::new();
    let mut read = |log: &mut Vec<Value>| {
        let line = lines.next()?.unwrap();
        log.push(serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line}")));
        log.last().cloned()
    };
    let address: SocketAddr = loop {
        let line = read(&mut log).expect("the program says where it listens");
        if line["message"] == json!("message service is ready") {
            break line["address"].as_str().unwrap().parse().unwrap();
        }
    };
    // Reading on must not wait for the exchange, which may fill the pipe.
    let exchange = std::thread::spawn(move || say_what_must_not_be_logged(address));
    let pid = Pid::from_child(&program.0);
    let stop = std::thread::spawn(move || {
        let result = exchange.join();
        kill_process(pid, Signal::TERM).unwrap();
        result
    });
    while read(&mut log).is_some() {}
    let issued = stop.join().unwrap().unwrap();
    assert!(program.0.wait().unwrap().success());
    for line in log.iter().map(Value::to_string) {
        for secret in issued.iter().map(String::as_str).chain([CANARY, SECRET]) {
            assert!(!line.contains(secret), "{line}");
        }
    }
    log
}

/// Returns what the program issued meanwhile, which must not be logged either.
fn say_what_must_not_be_logged(address: SocketAddr) -> Vec<String> {
    let mut wire = Wire::connect(address);
    let issued = sign_in_and_out(&mut wire);
    for (body, status) in [
        (format!(r#"{{"content":"{CANARY}","user":"alice"}}"#), 201),
        (format!(r#"{{"content":"{CANARY}","user":"a:b"}}"#), 422),
        (format!(r#"{{"content":"{CANARY}",}}"#), 400),
        (format!(r#"{{"content":["{CANARY}"]}}"#), 422),
    ] {
        let head =
            "POST /messages HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
        let length = body.len();
        wire.send(format!("{head}content-length: {length}\r\n\r\n{body}").as_bytes()).unwrap();
        assert_eq!(wire.answer().unwrap().status, status, "{body}");
    }
    let signed = format!("x-realtalk-signature: {SECRET}");
    wire.send(
        format!("GET /internal/events HTTP/1.1\r\nhost: localhost\r\n{signed}\r\n\r\n").as_bytes(),
    )
    .unwrap();
    assert_eq!(wire.answer().unwrap().status, 401);
    wire.send(b"GET /messages HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    assert_eq!(wire.answer().unwrap().status, 200);
    issued
}

/// Registers, signs in rightly and wrongly, gets a ticket; returns token and ticket.
fn sign_in_and_out(wire: &mut Wire) -> Vec<String> {
    let mut send = |request: &str, headers: &str, body: Value, status: u16| -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let length = body.len();
        let head = format!(
            "{request} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n{headers}\r\n"
        );
        wire.send(format!("{head}{body}").as_bytes()).unwrap();
        let answer = wire.answer().unwrap();
        assert_eq!(answer.status, status, "{request} {answer:?}");
        serde_json::from_slice(&answer.body).unwrap_or_default()
    };
    let alice = |password: &str| json!({"username": "alice0", "password": password});
    send("POST /users", "", alice(PASSWORD), 201);
    send("POST /sessions", "", alice(&format!("{PASSWORD}?")), 401);
    let session = send("POST /sessions", "", alice(PASSWORD), 200);
    let token = session["token"].as_str().unwrap();
    let bearer = format!("authorization: Bearer {token}\r\n");
    let ticket = send("POST /tickets", &bearer, Value::Null, 201);
    send(
        "GET /users/me",
        &format!(
            "cookie: {}={token}\r\n",
            SessionCookies::of(&Secret::parse(SECRET).unwrap()).name(false)
        ),
        Value::Null,
        200,
    );
    let forged = format!("authorization: Bearer {token}?\r\n");
    send("GET /users/me", &forged, Value::Null, 401);
    let operator = format!("authorization: Bearer {OPERATOR}\r\n");
    send("PATCH /users/alice0", &operator, json!({"deactivated": true}), 200);
    send("GET /users/me", &bearer, Value::Null, 401);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    // The part that is signed says nothing secret, but nobody needs it in a log.
    token.split('.').map(str::to_owned).skip(1).chain([text(&ticket["ticket"])]).collect()
}

#[test]
fn the_log_has_a_line_of_json_for_each_message_but_not_what_it_says() {
    let log = log_at("info");
    let new = log.iter().find(|line| line["message"] == json!("new message")).unwrap();
    assert_eq!(
        (&new["seq"], &new["user"], &new["level"]),
        (&json!(1), &json!("alice"), &json!("INFO"))
    );
    for field in ["timestamp", "id"] {
        assert!(new[field].is_string(), "{new}");
    }
    assert!(log.iter().any(|line| line["message"] == json!("message service has stopped")));
    for message in ["registered", "sign-in refused", "signed in", "changed an account"] {
        let line = log.iter().find(|line| line["message"] == json!(message)).unwrap();
        assert_eq!(line["user"], json!("alice0"), "{line}");
    }
}

#[test]
fn even_the_longest_log_tells_neither_messages_nor_secrets() {
    let log = log_at("trace");
    assert!(log.len() > 50, "{} lines", log.len());
}
