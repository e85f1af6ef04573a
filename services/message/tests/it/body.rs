//! Bodies that come too slowly, or are too large.

use std::{
    io,
    time::{Duration, Instant},
};

use reqwest::Method;

use crate::{answer::Answer, app::App, patience::PATIENCE, wire::Wire};

const HEAD: &str =
    "POST /messages HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";

fn assert_timeout(wire: &mut Wire) {
    let answer = wire.answer().unwrap();
    assert_eq!(answer.refusal(), (408, "body_timeout".to_owned()));
    assert!(answer.problem().detail.ends_with("within 1 s"), "{answer:?}");
    assert_eq!(answer.header("connection"), Some("close"));
    assert_eq!(wire.read_to_end(), b"");
}

#[tokio::test]
async fn a_compressed_body_is_refused_by_its_name() {
    let app = App::start();
    let send = async |encoding: &str| {
        let request = app.request(Method::POST, "/messages").header("content-encoding", encoding);
        let request = request.header("content-type", "application/json");
        Answer::to(request.body(r#"{"content":"hi"}"#)).await
    };
    for encoding in ["gzip", "br", "zstd", "identity, gzip"] {
        let answer = send(encoding).await;
        assert_eq!(answer.refusal(), (415, "unsupported_content_encoding".to_owned()));
        assert_eq!(answer.header("accept-encoding"), Some("identity"));
    }
    assert_eq!(send("identity").await.status, 201);
}

#[test]
fn a_body_that_never_ends_is_given_up() {
    let app = App::with(&[("BODY_TIMEOUT_SECS", "1")]);
    let mut wire = app.wire();
    wire.send(format!("{HEAD}content-length: 100\r\n\r\n{{\"content\"").as_bytes()).unwrap();
    assert_timeout(&mut wire);
}

#[test]
fn chunks_that_never_end_are_given_up() {
    let app = App::with(&[("BODY_TIMEOUT_SECS", "1")]);
    let mut wire = app.wire();
    wire.send(format!("{HEAD}transfer-encoding: chunked\r\n\r\n5\r\n{{\"con").as_bytes()).unwrap();
    assert_timeout(&mut wire);
}

#[test]
fn chunks_that_nobody_reads_end_the_connection_with_the_answer() {
    let app = App::start();
    let mut wire = app.wire();
    wire.send(b"POST /nowhere HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello")
        .unwrap();
    assert_eq!(wire.answer().unwrap().refusal(), (404, "route_not_found".to_owned()));
    assert_eq!(wire.read_to_end(), b"");
}

#[test]
fn a_body_that_drips_is_given_up_all_the_same() {
    let app = App::with(&[("BODY_TIMEOUT_SECS", "1")]);
    let mut wire = app.wire();
    wire.send(format!("{HEAD}content-length: 60000\r\n\r\n").as_bytes()).unwrap();
    let mut dripping = app.wire();
    dripping.send(format!("{HEAD}content-length: 60000\r\n\r\n").as_bytes()).unwrap();
    let started = Instant::now();
    // Dripping is what this is about: a byte now and then, until the service has had enough.
    while dripping.send(b" ").is_ok() {
        assert!(started.elapsed() < PATIENCE, "still dripping");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_timeout(&mut wire);
}

#[tokio::test]
async fn a_slow_body_keeps_nobody_else_waiting() {
    // Longer than the others wait for theirs.
    let app = App::with(&[("BODY_TIMEOUT_SECS", "300")]);
    let mut slow: Vec<_> = (0..64).map(|_| app.wire()).collect();
    for wire in &mut slow {
        wire.send(format!("{HEAD}content-length: 100\r\n\r\n").as_bytes()).unwrap();
    }
    app.say("not slow").await;
    assert_eq!(app.list("").await.len(), 1);
}

#[test]
fn a_body_that_is_announced_too_large_is_refused_before_it_comes() {
    let app = App::start();
    for length in ["69633", "10000000000", "18446744073709551615"] {
        let mut wire = app.wire();
        wire.send(format!("{HEAD}content-length: {length}\r\n\r\n").as_bytes()).unwrap();
        let answer = wire.answer().unwrap();
        assert_eq!(answer.refusal(), (413, "body_too_large".to_owned()), "{length}");
        assert_eq!(answer.header("connection"), Some("close"));
        assert_eq!(wire.read_to_end(), b"");
    }
}

#[test]
fn a_body_in_chunks_is_refused_once_it_is_too_large() {
    let app = App::start();
    let mut wire = app.wire();
    wire.send(format!("{HEAD}transfer-encoding: chunked\r\n\r\n").as_bytes()).unwrap();
    let chunk = [b"1000\r\n".as_slice(), &[b' '; 4_096], b"\r\n"].concat();
    let sent: io::Result<()> = (0..20).try_for_each(|_| wire.send(&chunk));
    let answer = wire.answer();
    // The service may close before all is sent; then the answer may be lost with the connection.
    match answer {
        Some(answer) => assert_eq!(answer.refusal(), (413, "body_too_large".to_owned())),
        None => assert!(sent.is_err()),
    }
}

#[tokio::test]
async fn a_body_just_within_the_limit_is_read() {
    let app = App::start();
    let content = r#"{"content":"hi","user":"alice"}"#;
    let body = format!("{}{content}", " ".repeat(65_536 + 4_096 - content.len()));
    let post = |body: String| {
        let request = app.request(Method::POST, "/messages");
        Answer::to(request.header("content-type", "application/json").body(body))
    };
    assert_eq!(post(body.clone()).await.status, 201);
    assert_eq!(post(format!(" {body}")).await.refusal(), (413, "body_too_large".to_owned()));
}
