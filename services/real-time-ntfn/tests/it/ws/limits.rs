//! Clients that send too much, or what they must not.

use std::time::Instant;

use common::EventId;
use serde_json::json;
use socket2::SockRef;
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

use crate::{app::App, frames::FrameUpstream, socket::Socket, upstream::Upstream};

#[tokio::test]
async fn a_message_that_is_too_long_ends_the_connection() {
    let upstream = FrameUpstream::start();
    let app = App::start(&upstream.url(), &[("WS_MESSAGE_KIB", "1")]);
    let mut socket = Socket::open(&app, "").await;
    socket.say(&"x".repeat(1_024)).await;
    assert_eq!(socket.next().await["type"], "ack");
    socket.say(&"x".repeat(1_025)).await;
    assert_eq!(socket.closed().await.0, 1009);
    // Even when it goes on sending: the goodbye is not overtaken by a reset.
    let mut socket = Socket::open(&app, "").await;
    socket.send(Message::text("x".repeat(1 << 20))).await;
    assert_eq!(socket.closed().await.0, 1009);
}

#[tokio::test]
async fn malformed_frames_end_the_connection_with_a_code() {
    let upstream = Upstream::start();
    let app = App::start(&upstream.url(), &[]);
    for (bytes, code) in [
        (&b"\x81\x02hi"[..], 1002),
        (b"\xf1\x80\0\0\0\0", 1002),
        (b"\x80\x80\0\0\0\0", 1002),
        (b"\x81\x81\0\0\0\0\xff", 1007),
        (b"\x82\x81\0\0\0\0x", 1003),
    ] {
        let mut socket = Socket::open(&app, "?history=0").await;
        socket.raw().write_all(bytes).await.unwrap();
        assert_eq!(socket.closed().await.0, code, "{bytes:?}");
    }
}

#[tokio::test]
async fn fragments_are_put_together_whatever_comes_between() {
    let upstream = FrameUpstream::start();
    let app = App::start(&upstream.url(), &[]);
    let mut socket = Socket::open(&app, "").await;
    let fragment = |text: &'static str, opcode, is_last| {
        Message::Frame(Frame::message(text.as_bytes(), OpCode::Data(opcode), is_last))
    };
    socket.send(fragment("one ", Data::Text, false)).await;
    socket.send(Message::Ping("between".into())).await;
    socket.send(fragment("two ", Data::Continue, false)).await;
    socket.send(fragment("three", Data::Continue, true)).await;
    assert_eq!(socket.frame().await, Some(Message::Pong("between".into())));
    assert_eq!(socket.next().await["type"], "ack");
    assert_eq!(upstream.contents(), [json!("one two three")]);
}

#[tokio::test]
async fn frames_that_come_byte_by_byte_are_frames() {
    let upstream = FrameUpstream::start();
    let app = App::start(&upstream.url(), &[]);
    let mut socket = Socket::open(&app, "").await;
    let mut bytes = vec![];
    for content in ["first", "second"] {
        bytes.extend([0x81, 0x80 | content.len() as u8, 1, 2, 3, 4]);
        bytes.extend(content.bytes().zip([1, 2, 3, 4].into_iter().cycle()).map(|(a, b)| a ^ b));
    }
    for byte in bytes {
        socket.raw().write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    for _ in 0..2 {
        assert_eq!(socket.next().await["type"], "ack");
    }
    assert_eq!(upstream.contents(), [json!("first"), json!("second")]);
}

#[tokio::test]
async fn who_sends_too_often_is_told_and_then_let_go() {
    const BURST: usize = 5;
    let upstream = FrameUpstream::start();
    let settings = [("WS_FRAME_RATE", "1"), ("WS_FRAME_BURST", "5")];
    let app = App::start(&upstream.url(), &settings);
    let started = Instant::now();
    let mut socket = Socket::open(&app, "").await;
    for number in 0..8 {
        socket.say_json(&json!({"content": "x", "client_msg_id": number.to_string()})).await;
    }
    let mut answers = vec![];
    for _ in 0..8 {
        let answer = socket.next().await;
        answers.push((answer["type"].clone(), answer["code"].clone()));
    }
    let refused = answers.iter().filter(|(_, code)| code == "rate_limited").count();
    // One more comes in with every second.
    let most = BURST + 1 + started.elapsed().as_secs() as usize;
    assert!(refused <= 8 - BURST && refused + most >= 8, "{answers:?}");
    // In one write: who is let go may not be able to send what comes next.
    let frames = [0x81, 0x81, 0, 0, 0, 0, b'x'].repeat(100);
    socket.raw().write_all(&frames).await.unwrap();
    assert_eq!(socket.closed().await.0, 1008);
}

#[tokio::test]
async fn a_burst_that_is_allowed_is_carried_out_as_a_whole() {
    let upstream = FrameUpstream::start();
    let app = App::start(&upstream.url(), &[]);
    let mut socket = Socket::open(&app, "?history=0").await;
    // In one write: nothing is carried out before all of it is there.
    let frames = (0..90_u8).flat_map(|number| [0x81, 0x81, 0, 0, 0, 0, b'0' + number % 10]);
    socket.raw().write_all(&frames.collect::<Vec<_>>()).await.unwrap();
    for _ in 0..90 {
        let answer = socket.next().await;
        assert_eq!(answer["type"], "ack", "{answer}");
    }
    assert_eq!(upstream.taken().len(), 90);
}

#[tokio::test]
async fn every_ping_of_a_burst_is_answered() {
    let upstream = FrameUpstream::start();
    let app = App::start(&upstream.url(), &[]);
    let mut socket = Socket::open(&app, "?history=0").await;
    let ping = br#"{"type":"ping"}"#;
    let frame = [&[0x81, 0x80 | ping.len() as u8, 0, 0, 0, 0], &ping[..]].concat();
    socket.raw().write_all(&frame.repeat(100)).await.unwrap();
    for _ in 0..100 {
        assert_eq!(socket.next().await, json!({"type": "pong"}));
    }
}

#[tokio::test]
async fn who_does_not_read_is_closed_and_finds_out_why() {
    const EVENTS: u64 = 60;
    let upstream = Upstream::start();
    let app = App::start(&upstream.url(), &[("BACKLOG_EVENTS", "20"), ("BACKLOG_KIB", "64")]);
    // Who reads gets as much, and goes on.
    let mut witness = Socket::open(&app, "?history=0").await;
    for number in 0..EVENTS {
        app.notify(&json!({"content": "x".repeat(60_000), "number": number})).await;
        assert_eq!(witness.next().await["number"], number);
    }
    witness.assert_quiet().await;
    let mut socket = Socket::open(&app, "?history=0").await;
    SockRef::from(&*socket.raw()).set_recv_buffer_size(16 * 1_024).unwrap();
    // More than the buffers of the system hold, and all at once: the goodbye does not wait for long.
    let event = |number| {
        json!({
            "id": EventId::from_micros(number), "type": "message", "audience": {"room": "public"},
            "data": {"content": "x".repeat(60_000)},
        })
    };
    let events: Vec<_> = (1..=EVENTS).map(event).collect();
    let batch = json!({"after": EventId::ZERO, "events": events});
    assert_eq!(app.notify_signed(&batch).await.status, 202);
    assert_eq!(socket.closed().await.0, 4000);
}
