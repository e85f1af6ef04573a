//! Streams end with their sessions.

use reqwest::Method;
use serde_json::json;

use crate::{app::App, desk::Desk, socket::Socket, stream::Stream};

/// The stream ends here, with a word why.
async fn assert_ends(stream: &mut Stream, reason: &str) {
    let mut block = stream.next_fact().await;
    if block.event.as_deref() == Some("reset") {
        block = stream.next_fact().await;
    }
    assert_eq!((block.id, block.event.as_deref()), (None, Some("reauth")));
    assert_eq!(block.data, Some(json!({"type": "reauth", "reason": reason})));
    assert!(block.retry.is_some());
    assert_eq!(stream.block().await, None, "after the end");
}

async fn assert_go_on(streams: &mut [&mut Stream], desk: &Desk, app: &App) {
    let message = desk.post("still here");
    desk.tell(app).await;
    for stream in streams {
        stream.next_fact().await.assert_is(&message);
    }
}

#[tokio::test]
async fn signing_out_ends_the_streams_of_older_sessions_only() {
    let desk = Desk::start();
    let (old, carol) = (desk.register("bob"), desk.register("carol"));
    let app = App::start(&desk.url(), &[]);
    let with =
        async |token: &str| app.stream_with("authorization", &format!("Bearer {token}"), "").await;
    let mut older = [with(&old).await, with(&old).await];
    let mut carol = with(&carol).await;
    let mut nobody = app.stream("").await;
    desk.sign_out("bob");
    // Signed in again, before this service has heard of the end.
    let mut newer = with(&desk.register("bob")).await;
    desk.tell(&app).await;
    for stream in &mut older {
        assert_ends(stream, "signed_out").await;
    }
    assert_go_on(&mut [&mut newer, &mut carol, &mut nobody], &desk, &app).await;
}

#[tokio::test]
async fn when_an_end_may_have_been_missed_everybody_shows_their_credential_again() {
    let desk = Desk::start();
    let bob = desk.register("bob");
    desk.post("before");
    let app = App::start(&desk.url(), &[]);
    let mut bob = app.stream_with("authorization", &format!("Bearer {bob}"), "").await;
    let mut named = app.stream("?user=carol").await;
    desk.sign_out("bob");
    desk.prune();
    let after = desk.post("after");
    desk.tell(&app).await;
    assert_ends(&mut bob, "expired").await;
    let reset = named.next_fact().await;
    assert_eq!(reset.event.as_deref(), Some("reset"));
    // It says where the stream goes on: before this message, or after it.
    if reset.data.unwrap()["cursor"] != after["id"] {
        named.next_fact().await.assert_is(&after);
    }
    assert_go_on(&mut [&mut named], &desk, &app).await;
}

/// Whatever a stream waits for when its session ends, and however many others end after it: the
/// stream says so, and nothing else.
#[tokio::test]
async fn no_stream_outlives_a_session_that_ended_while_it_was_on_its_way() {
    let desk = Desk::start();
    let crowd: Vec<_> = (0..300).map(|number| format!("user {number}")).collect();
    crowd.iter().for_each(|name| drop(desk.register(name)));
    let app = App::start(&desk.url(), &[]);
    for jam in ["/internal/identify", "/internal/opening"] {
        let alice = format!("Bearer {}", desk.register("alice"));
        let stream = async |target: &str| {
            let request = app.request(Method::GET, target).header("authorization", &alice);
            Stream::open(request).await
        };
        let socket = async || {
            let headers = [("authorization", alice.as_str())];
            Socket::try_open(&app, "?history=0", &headers).await.unwrap()
        };
        // So that they have something to ask for.
        desk.direct("carol", "alice", "waits for alice");
        desk.direct("carol", "bob", "waits for bob");
        let mut introduced = Socket::open(&app, "?history=0").await;
        let asked = |desk: &Desk| match jam {
            "/internal/identify" => desk.asked_about(),
            _ => desk.calls(jam),
        };
        let before = asked(&desk);
        desk.hold(jam, true);
        introduced.say_json(&json!({"username": "bob"})).await;
        let ends = async {
            desk.eventually("all are on their way", |desk| asked(desk) - before == 4).await;
            desk.direct("carol", "alice", "for those who are still in");
            desk.direct("carol", "bob", "for those who are still in");
            for name in ["alice", "bob"].into_iter().chain(crowd.iter().map(String::as_str)) {
                desk.sign_out(name);
            }
            desk.tell(&app).await;
            desk.hold(jam, false);
        };
        let (events, mut chat, mut handshaken, ()) =
            tokio::join!(stream("/events"), stream("/sse/chat?userId=alice"), socket(), ends);
        assert_ends(&mut events.ready().await, "signed_out").await;
        assert_eq!(chat.block().await.unwrap().data.unwrap()["type"], "connected", "{jam}");
        assert_eq!(chat.block().await.unwrap().data.unwrap()["type"], "reauth", "{jam}");
        assert_eq!(chat.block().await, None, "{jam}");
        for socket in [&mut handshaken, &mut introduced] {
            assert_eq!(socket.next().await["type"], "ready", "{jam}");
            assert_eq!(socket.next().await["type"], "reauth", "{jam}");
            assert_eq!(socket.closed().await, (4001, "signed_out".to_owned()), "{jam}");
        }
    }
}
