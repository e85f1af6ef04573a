//! What a client says, and what it is told.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::{app::App, frames::FrameUpstream, socket::Socket};

const START: &str = "19700101000000.000000";

#[tokio::test]
async fn text_is_a_message_and_objects_are_frames_carried_out_in_order() {
    let upstream = FrameUpstream::start();
    let app = App::start(&upstream.url(), &[]);
    let mut socket = Socket::open(&app, "").await;
    socket.say("hello").await;
    socket.say_json(&json!({"content": "bare", "client_msg_id": "b"})).await;
    socket.say_json(&json!({"type": "message", "content": "full", "recipient": "bob"})).await;
    socket.say_json(&json!({"type": "typing", "conversation_id": "public"})).await;
    socket.say("no {json").await;
    let mut acks = vec![];
    for _ in 0..4 {
        acks.push(socket.next().await);
    }
    assert!(acks.iter().all(|ack| ack["type"] == "ack"), "{acks:?}");
    assert_eq!(acks[1]["client_msg_id"], "b");
    let taken = upstream.taken();
    let frames: Vec<_> = taken.iter().map(|taken| taken.frame.clone()).collect();
    assert_eq!(
        frames,
        [
            json!({"type": "message", "content": "hello"}),
            json!({"type": "message", "content": "bare", "client_msg_id": "b"}),
            json!({"type": "message", "content": "full", "recipient": "bob"}),
            json!({"type": "typing", "conversation_id": "public"}),
            json!({"type": "message", "content": "no {json"}),
        ]
    );
    assert!(taken.iter().all(|it| it.user.is_none() && !it.authenticated));
    assert!(taken.iter().all(|it| it.origin == taken[0].origin && !it.origin.is_empty()));
}

#[tokio::test]
async fn a_private_message_that_is_broken_json_is_not_posted_for_everyone() {
    let upstream = FrameUpstream::start();
    let app = App::start(&upstream.url(), &[]);
    let mut socket = Socket::open(&app, "").await;
    socket.say(r#"{"type":"message","recipient":"bob","content":"secret \ud83d"}"#).await;
    let error = socket.next().await;
    assert_eq!((&error["type"], &error["code"]), (&json!("error"), &json!("malformed_json")));
    socket.assert_quiet().await;
    assert!(upstream.taken().is_empty());
}

#[tokio::test]
async fn the_sender_gets_the_ack_and_the_others_the_message() {
    let upstream = FrameUpstream::start();
    let app = App::start(&upstream.url(), &[]);
    let mut sender = Socket::open(&app, "").await;
    let mut other = Socket::open(&app, "").await;
    let mut stream = app.stream("").await;
    sender.say("mine").await;
    assert_eq!(sender.next().await["type"], "ack");
    other.assert_quiet().await;
    // The event comes from the log with its origin, as the relay pushes it.
    let message = upstream.upstream.post("mine").await;
    let origin = upstream.taken()[0].origin.clone();
    let event = json!({
        "id": message["id"], "type": "message", "audience": {"room": "public"}, "data": message,
        "origin": origin,
    });
    app.notify_signed(&json!({"after": START, "events": [event]})).await;
    assert_eq!(other.next().await, message);
    stream.next().await.assert_is(&message);
    sender.assert_quiet().await;
    // Nor when it is replayed on that connection, but on another one of the same client it is.
    sender.say_json(&json!({"type": "resume", "last_event_id": START})).await;
    assert_eq!(sender.next().await["resumed"], json!(true));
    sender.assert_quiet().await;
    let mut again = Socket::open(&app, &format!("?last_event_id={START}")).await;
    assert_eq!(again.next().await, message);
}

#[tokio::test]
async fn what_is_refused_and_what_cannot_be_passed_on_is_an_error_for_its_sender() {
    let upstream = FrameUpstream::start();
    let app = App::start(&upstream.url(), &[]);
    let mut socket = Socket::open(&app, "").await;
    let mut errors = vec![];
    for frame in [
        json!({"type": "message", "content": "refuse", "client_msg_id": "r"}),
        json!({"type": "message", "content": "fail", "client_msg_id": "f"}),
        json!({"type": "message", "content": "grow", "client_msg_id": "g"}),
        json!({"type": 7}),
        json!({"username": "alice"}),
    ] {
        socket.say_json(&frame).await;
        let error = socket.next().await;
        assert_eq!(error["type"], "error");
        errors.push((error["code"].clone(), error["client_msg_id"].clone()));
    }
    let expected = [
        ("content_invalid", json!("r")),
        ("upstream_unavailable", json!("f")),
        ("content_too_long", json!("g")),
        ("type_invalid", Value::Null),
        // Nobody here says who alice is.
        ("upstream_unavailable", Value::Null),
    ];
    assert_eq!(errors, expected.map(|(code, id)| (json!(code), id)));
    // The connection goes on.
    socket.say("hello").await;
    assert_eq!(socket.next().await["type"], "ack");
}

#[tokio::test]
async fn pings_of_both_kinds_are_answered() {
    let upstream = FrameUpstream::start();
    let app = App::start(&upstream.url(), &[]);
    let mut socket = Socket::open(&app, "").await;
    socket.send(Message::Ping("are you there".into())).await;
    assert_eq!(socket.frame().await, Some(Message::Pong("are you there".into())));
    socket.assert_quiet().await;
    assert!(upstream.taken().is_empty());
}

#[tokio::test]
async fn a_resume_replays_on_the_same_connection() {
    let upstream = FrameUpstream::start();
    let posted = [upstream.upstream.post("one").await, upstream.upstream.post("two").await];
    let app = App::start(&upstream.url(), &[]);
    let mut socket = Socket::open(&app, "?history=0").await;
    let resume = |id: &Value| json!({"type": "resume", "last_event_id": id});
    socket.say_json(&resume(&posted[0]["id"])).await;
    let ready = socket.next().await;
    assert_eq!((&ready["type"], &ready["resumed"]), (&json!("ready"), &json!(true)));
    assert_eq!(socket.next().await, posted[1]);
    socket.say_json(&resume(&json!("nonsense"))).await;
    assert_eq!(socket.next().await["resumed"], json!(false));
    assert_eq!(socket.next().await["type"], "reset");
    // And goes on with what comes.
    app.notify(&json!({"content": "now"})).await;
    assert_eq!(socket.next().await["content"], "now");
}

#[tokio::test]
async fn a_frame_sent_right_behind_the_handshake_is_not_lost() {
    let upstream = FrameUpstream::start();
    let app = App::start(&upstream.url(), &[]);
    app.stream("").await;
    for number in 0..50 {
        let mut socket = Socket::try_open(&app, "?history=0", &[]).await.ok().unwrap();
        socket.say(&number.to_string()).await;
        assert_eq!(socket.next().await["type"], "ready");
        assert_eq!(socket.next().await["type"], "ack");
    }
    let expected: Vec<_> = (0..50).map(|number| json!(number.to_string())).collect();
    assert_eq!(upstream.contents(), expected);
}
