//! A hub of WebSockets: connections come, are told, and go; history on connecting; what was
//! answered is kept.

use std::time::Duration;

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::{Instant, timeout},
};

use crate::{
    api::{Api, text},
    deadline::{PATIENCE, until},
    history,
    process::Pair,
    socket::Socket,
};

async fn connect(pair: &Pair) -> Socket {
    Socket::ready(pair.notification.port(), "/ws?history=0").await
}

#[tokio::test]
async fn connections_register_get_what_is_said_and_leave_nothing_behind() {
    let pair = Pair::start(&[]).await;
    let api = Api::of(&pair.message);
    pair.wait_streams(0).await;
    let (mut first, mut second) = (connect(&pair).await, connect(&pair).await);
    let mut third = connect(&pair).await;
    pair.wait_streams(3).await;
    api.say("alice", "to three").await;
    for socket in [&mut first, &mut second, &mut third] {
        assert_eq!(socket.hear().await, "to three");
    }
    // One leaves in an orderly way, and one is just gone.
    second.close().await;
    drop(third);
    pair.wait_streams(1).await;
    api.say("alice", "to one").await;
    assert_eq!(first.hear().await, "to one");
    drop(first);
    pair.wait_streams(0).await;
}

#[tokio::test]
async fn a_connection_begins_with_the_last_messages() {
    let pair = Pair::start(&[]).await;
    let (api, port) = (Api::of(&pair.message), pair.notification.port());
    let mut said = Vec::new();
    for number in 1..=60 {
        said.push(api.say("alice", &format!("{number}")).await);
    }
    for (query, count) in [("", 50), ("?history=10", 10), ("?history=200", 200), ("?history=0", 0)]
    {
        let mut socket = Socket::open(port, &format!("/ws{query}"), None).await.unwrap();
        for message in &said[said.len().saturating_sub(count)..] {
            assert_eq!(socket.find("message").await["id"], message["id"], "{query}");
        }
        // And then what comes.
        said.push(api.say("alice", &format!("after {query}")).await);
        assert_eq!(socket.find("message").await["id"], said[said.len() - 1]["id"], "{query}");
    }
}

#[tokio::test]
async fn a_frame_that_will_never_be_taken_is_not_asked_for_again() {
    let pair = Pair::start(&[]).await;
    let mut socket = connect(&pair).await;
    // As deep as the notification service reads, and one deeper on the way to the other.
    for depth in [100, 125, 126, 127, 200] {
        let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let frame = format!(
            r#"{{"type":"message","content":"x","extra":{nested},"client_msg_id":"{depth}"}}"#
        );
        socket.send_text(&frame).await;
        let answer = socket.next().await.unwrap();
        match answer["type"].as_str().unwrap() {
            "ack" => assert!(depth <= 125, "{answer}"),
            "error" => assert_ne!(answer["code"], "upstream_unavailable", "{depth}: {answer}"),
            _ => panic!("{answer}"),
        }
    }
}

#[tokio::test]
async fn plain_text_is_a_message_to_all() {
    let pair = Pair::start(&[]).await;
    let port = pair.notification.port();
    let mut alice = Socket::ready(port, "/ws?username=alice&history=0").await;
    let mut other = connect(&pair).await;
    alice.send_text("just text").await;
    let ack = alice.find("ack").await;
    let message = other.find("message").await;
    assert_eq!((&message["content"], &message["user"]), (&json!("just text"), &json!("alice")));
    assert_eq!((&message["id"], &message["conversation_id"]), (&ack["id"], &json!("public")));
    // Who does not say who they are gets a name.
    let mut nobody = connect(&pair).await;
    nobody.send_text("who am I?").await;
    let ack = nobody.find("ack").await;
    let message = other.find("message").await;
    assert_eq!(message["id"], ack["id"]);
    assert!(!text(&message["user"]).is_empty());
    // What cannot be a message is refused, and the connection goes on.
    nobody.send_text(" ").await;
    nobody.find("error").await;
    nobody.send_text("still here").await;
    assert_eq!(other.hear().await, "still here");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answered_post_survives_a_kill() {
    let mut pair = Pair::start(&[]).await;
    for round in 0..3 {
        let board = pair.board();
        let before = board.all().await.len() as u64;
        let mut posters = JoinSet::new();
        for poster in 0..16 {
            let board = board.clone();
            posters.spawn(async move {
                let mut answered = Vec::new();
                for number in 0.. {
                    let key = format!("{round}-{poster}-{number}");
                    match board.try_post("poster", &format!("post {key}"), &key).await {
                        Ok((_, message)) => answered.push(message),
                        Err(_) => return answered,
                    }
                }
                answered
            });
        }
        // In the middle of it, when something has been stored.
        until("posts are stored", async || {
            let (list, ..) = board.page("limit=1").await.ok()?;
            (list.last()?.seq > before + 100).then_some(())
        })
        .await;
        pair.message.kill();
        let answered: Vec<_> = posters.join_all().await.into_iter().flatten().collect();
        assert!(!answered.is_empty());
        pair.message.spawn();
        pair.message.wait_ready().await;
        history::check(&answered, &board.all().await, &[]).unwrap();
    }
}

/// Shakes hands, and then does not answer anything.
async fn silent(port: u16) -> TcpStream {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let request = "GET /ws?history=0 HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\n\
                   connection: upgrade\r\nsec-websocket-version: 13\r\n\
                   sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    socket.write_all(request.as_bytes()).await.unwrap();
    socket
}

#[tokio::test]
async fn a_client_that_does_not_answer_pings_is_closed() {
    let pair = Pair::start(&[("WS_PING_SECS", "1")]).await;
    let port = pair.notification.port();
    let mut good = connect(&pair).await;
    let started = Instant::now();
    let mut silent = silent(port).await;
    let mut heard = Vec::new();
    let closed = async {
        while silent.read_buf(&mut heard).await.unwrap() > 0 {}
        // It does not close its side either.
        pair.wait_streams(1).await;
    };
    // The good one answers pings while it waits for a message.
    tokio::select! {
        closed = timeout(PATIENCE, closed) => closed.expect("the silent client is closed"),
        frame = good.next() => panic!("nothing was said: {frame:?}"),
    }
    assert!(heard.starts_with(b"HTTP/1.1 101"));
    assert!(heard.windows(2).filter(|pair| pair == &[0x89, 4]).count() >= 2, "it was pinged");
    assert!(started.elapsed() > Duration::from_secs(1), "it had the time to answer");
    Api::of(&pair.message).say("alice", "still here").await;
    assert_eq!(good.hear().await, "still here");
}
