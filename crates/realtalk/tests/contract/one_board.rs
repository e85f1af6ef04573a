//! One board for everyone: a username is all that it takes, posts are listed and streamed, and
//! nothing that a client sends ends a service.

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};

use crate::{
    api::{Api, text},
    deadline::{PATIENCE, until},
    process::Pair,
    wire::Dial,
};

#[tokio::test]
async fn a_username_is_all_that_registering_takes() {
    let pair = Pair::start(&[]).await;
    let api = Api::of(&pair.message);
    let user = api.post("/users", json!({"username": "alice"})).await.expect(201);
    assert_eq!(user["username"], "alice");
    let again = api.post("/users", json!({"username": "ALICE"})).await;
    assert_eq!(again.refusal(409), "name_taken");
    assert_eq!(api.get("/users/alice").await.expect(200)["username"], "alice");
    let message = api.say("alice", "registered").await;
    assert_eq!(message["user"], "alice");
    for body in [json!({}), json!({"username": ""}), json!({"username": "a\u{202e}b"})] {
        api.post("/users", body).await.refusal(422);
    }
}

#[tokio::test]
async fn the_last_n_messages_are_listed() {
    let pair = Pair::start(&[]).await;
    let api = Api::of(&pair.message);
    assert_eq!(api.get("/messages").await.expect(200), json!([]));
    for number in 1..=60 {
        api.say("alice", &format!("message {number}")).await;
    }
    for (query, count) in [("?limit=1", 1), ("?limit=10", 10), ("?limit=200", 60), ("", 50)] {
        let expected: Vec<_> = (61 - count..=60).map(|n| format!("message {n}")).collect();
        assert_eq!(api.contents(&format!("/messages{query}")).await, expected, "{query}");
    }
    for limit in ["0", "201", "-1", "x"] {
        api.get(&format!("/messages?limit={limit}")).await.refusal(400);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_streams_get_every_message_in_order() {
    let pair = Pair::start(&[]).await;
    let (api, port) = (Api::of(&pair.message), pair.notification.port());
    let mut streams = Vec::new();
    for _ in 0..60 {
        let mut wire = Dial::events(port).granted().await;
        wire.find(|block| block.is("ready")).await;
        streams.push(wire);
    }
    let mut posted = Vec::new();
    for number in 0..5 {
        posted.push(api.say("alice", &format!("for all {number}")).await);
    }
    let mut readers = JoinSet::new();
    for mut wire in streams {
        let posted = posted.clone();
        readers.spawn(async move {
            for message in &posted {
                let block = wire.find(|block| block.is_message()).await;
                assert_eq!(block.json(), *message);
                assert_eq!(block.id.as_deref(), Some(text(&message["id"])));
            }
        });
    }
    assert_eq!(readers.join_all().await.len(), 60);
}

/// Requests that no client should make, each with the statuses that are right for it.
fn malformed() -> Vec<(String, &'static [u16])> {
    let json = |path: &str, body: &str| {
        let length = body.len();
        format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\nconnection: close\r\n\r\n{body}"
        )
    };
    let get = |target: &str| {
        format!("GET {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
    };
    let mut requests = Vec::new();
    for body in [
        "",
        "{",
        "null",
        "[]",
        "7",
        "\"text\"",
        "{\"content\":",
        "{\"content\":7}",
        "{\"content\":null}",
        "{\"content\":\"\"}",
        "{\"content\":\"  \"}",
        "{\"content\":{}}",
        "{\"user\":\"alice\"}",
        "{\"content\":\"x\",\"user\":7}",
        "{\"content\":\"x\",\"user\":\"\"}",
        "{\"content\":\"x\",\"user\":\"a/b\"}",
        "{\"content\":\"x\",\"user\":\"a\\u0000b\"}",
        "{\"content\":\"\\ud800\"}",
        "{\"content\":\"x\",\"content\":\"y\",\"recipient\":\"\\n\"}",
    ] {
        requests.push((json("/messages", body), &[400, 422][..]));
    }
    let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    requests.push((json("/messages", &deep), &[400, 422]));
    let long = format!("{{\"content\":\"{}\"}}", "x".repeat(5_000));
    requests.push((json("/messages", &long), &[422]));
    let huge = format!("{{\"content\":\"{}\"}}", "x".repeat(100_000));
    requests.push((json("/messages", &huge), &[413]));
    for path in ["/users", "/sessions", "/notify"] {
        for body in ["", "{", "null", "[1]", "{\"username\":[]}"] {
            requests.push((json(path, body), &[400, 404, 422]));
        }
    }
    for target in [
        "/messages?limit=%FF",
        "/messages?before=%00",
        "/messages?after=99999999999999999999999",
        "/messages?before=1&after=1",
        "/messages/nothing",
        "/messages/%00",
        "/messages/20240101120000.123456",
        "/..%2f..%2fetc%2fpasswd",
        "/%c0%ae%c0%ae/",
        "/a/b/c/d",
        "/events?history=-1",
        "/events?history=x",
        "/events?rooms=%00",
        "/ws?history=x",
        "/sse/chat",
        "/presence?users=%00&user=%0a",
    ] {
        requests.push((get(target), &[200, 307, 400, 404, 422]));
    }
    requests.push((get(&format!("/{}", "a".repeat(200_000))), &[400, 404, 413, 414, 431]));
    for garbage in [
        "GARBAGE\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "\0\0\0\0\0\0\r\n\r\n",
        "POST /messages HTTP/1.1\r\nhost: localhost\r\ncontent-length: -5\r\n\r\n",
        "POST /messages HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /messages HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\ncontent-type: application/json\r\n\r\nZZ\r\n",
        "GET /events HTTP/1.1\r\nhost: localhost\r\nlast-event-id: \u{1}\r\n\r\n",
        "BREW /messages HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
    ] {
        requests.push((garbage.to_owned(), &[200, 400, 404, 405, 408, 411, 415, 501, 505]));
    }
    requests
}

/// Sends bytes and reads the status of what comes back, if anything does.
async fn raw(port: u16, request: &str) -> Option<u16> {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    // A service may refuse before all is written.
    socket.write_all(request.as_bytes()).await.ok();
    let mut answer = [0; 64];
    let mut length = 0;
    while length < 12 {
        match socket.read(&mut answer[length..]).await {
            Ok(read @ 1..) => length += read,
            _ => break,
        }
    }
    std::str::from_utf8(&answer[..length]).ok()?.split(' ').nth(1)?.parse().ok()
}

#[tokio::test]
async fn malformed_input_is_refused_and_ends_nothing() {
    let mut pair = Pair::start(&[("RUST_LOG", "info")]).await;
    let (api, port) = (Api::of(&pair.message), pair.notification.port());
    let mut wire = Dial::events(port).granted().await;
    wire.find(|block| block.is("ready")).await;
    let mut wrong = Vec::new();
    for (request, allowed) in malformed() {
        for (service, port) in [("message", pair.message.port()), ("notification", port)] {
            let answer = timeout(PATIENCE, raw(port, &request)).await;
            let shown = request.get(..90).unwrap_or(&request);
            match answer {
                // A connection that is closed is an answer to what is no HTTP.
                Ok(None) if request.contains("HTTP/1.1\r\nhost") => {
                    wrong.push(format!("{service}: no answer to {shown:?}"));
                }
                Ok(Some(status)) if !allowed.contains(&status) && !is_elsewhere(status) => {
                    wrong.push(format!("{service}: {status} to {shown:?}"));
                }
                Ok(_) => {}
                Err(_) => wrong.push(format!("{service}: silence after {shown:?}")),
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    // Both run, in the same processes, and the stream that was open goes on.
    for service in [&mut pair.message, &mut pair.notification] {
        service.wait_ready().await;
        let log = service.log();
        assert!(!log.contains("panicked"), "{log}");
    }
    let message = api.say("alice", "still here").await;
    assert_eq!(wire.find(|block| block.is_message()).await.json(), message);
}

/// What the service that does not have the path says.
fn is_elsewhere(status: u16) -> bool {
    matches!(status, 404 | 405)
}

#[tokio::test]
async fn logs_tell_of_messages_clients_and_errors_and_not_of_contents() {
    let mut pair = Pair::start(&[("RUST_LOG", "info")]).await;
    let (api, port) = (Api::of(&pair.message), pair.notification.port());
    let mut wire = Dial::events(port).granted().await;
    let ready: Value = wire.find(|block| block.is("ready")).await.json();
    let client = text(&ready["client_id"]).to_owned();
    let message = api.say("alice", "between us").await;
    let line = |log: String, words: &[&str]| {
        log.lines().any(|line| words.iter().all(|word| line.contains(word))).then_some(())
    };
    let id = text(&message["id"]);
    until("the message is logged", async || line(pair.message.log(), &["new message", id])).await;
    until("the client is logged", async || {
        line(pair.notification.log(), &["client connected", &client])
    })
    .await;
    drop(wire);
    until("its leaving is logged", async || {
        line(pair.notification.log(), &["client left", &client])
    })
    .await;
    pair.notification.kill();
    api.say("alice", "to nobody").await;
    until("the error is logged", async || line(pair.message.log(), &["WARN"])).await;
    let log = pair.message.log() + &pair.notification.log();
    assert!(!log.contains("between us") && !log.contains("to nobody"), "{log}");
}
