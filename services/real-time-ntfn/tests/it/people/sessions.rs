//! Streams end with their sessions.

use serde_json::json;

use crate::{app::App, desk::Desk, stream::Stream};

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
