//! `POST /notify` with passing facts.

use serde_json::{Value, json};

use crate::{app::App, desk::Desk, stream::Stream};

fn facts(facts: &[(&str, Value, Value)]) -> Value {
    let fact = |(kind, audience, data): &(&str, Value, Value)| json!({"type": kind, "audience": audience, "data": data});
    json!({"ephemeral": facts.iter().map(fact).collect::<Vec<_>>()})
}

fn typing(user: &str) -> Value {
    json!({"type": "typing", "conversation_id": "public", "user": user})
}

#[tokio::test]
async fn they_reach_those_they_are_for_and_move_no_cursor() {
    let desk = Desk::start();
    let app = App::start(&desk.url(), &[]);
    let mut bob = app.stream("?user=bob").await;
    let mut nobody = app.stream("").await;
    let body = facts(&[
        ("receipt", json!({"users": ["bob"]}), json!({"type": "receipt", "user": "alice"})),
        ("receipt", json!({"users": []}), json!({"type": "receipt", "user": "nobody"})),
        ("typing", json!({"room": "public"}), typing("alice")),
    ]);
    let answer = app.notify_signed(&body).await;
    assert_eq!((answer.status, answer.json()["last_id"].is_string()), (202, true));
    let block = bob.next_fact().await;
    assert_eq!((block.id, block.event.as_deref()), (None, Some("receipt")));
    assert_eq!(block.data, Some(json!({"type": "receipt", "user": "alice"})));
    for stream in [&mut bob, &mut nobody] {
        let block = stream.next_fact().await;
        assert_eq!((block.id, block.event.as_deref()), (None, Some("typing")));
        assert_eq!(block.data, Some(typing("alice")));
    }
}

#[tokio::test]
async fn they_are_signed_even_where_nothing_else_is() {
    let desk = Desk::start();
    let app = App::start(&desk.url(), &[]);
    let mut stream = app.stream("").await;
    let body = facts(&[("typing", json!({"room": "public"}), typing("mallory"))]);
    assert_eq!(app.notify(&body).await.refusal(), (401, "signature_missing".to_owned()));
    for wrong in [json!({"ephemeral": []}), json!({"ephemeral": 1, "content": "hi"})] {
        let refusal = app.notify(&wrong).await.refusal();
        assert_eq!(refusal, (401, "signature_missing".to_owned()), "{wrong}");
    }
    for (wrong, code) in [
        (json!({"ephemeral": 1, "content": "hi"}), "batch_invalid"),
        (json!({"ephemeral": [{"type": "typing", "data": {}}]}), "batch_invalid"),
        (facts(&[("a\nb", json!({"room": "public"}), json!({}))]), "type_invalid"),
    ] {
        assert_eq!(app.notify_signed(&wrong).await.refusal(), (422, code.to_owned()), "{wrong}");
    }
    assert_eq!(app.notify_signed(&json!({"ephemeral": []})).await.status, 202);
    app.notify(&json!({"content": "end"})).await;
    assert_eq!(stream.contents(1).await, [json!("end")]);
}

#[tokio::test]
async fn nobody_is_told_who_types_in_a_crowd() {
    let desk = Desk::start();
    desk.room("lobby");
    let app = App::start(&desk.url(), &[]);
    let mut streams: Vec<Stream> = vec![app.stream("?rooms=lobby,public").await];
    for _ in 1..100 {
        streams.push(app.stream("").await);
    }
    let receipt = json!({"type": "receipt", "user": "alice"});
    let body = facts(&[
        ("typing", json!({"room": "public"}), typing("alice")),
        ("receipt", json!({"room": "public"}), receipt.clone()),
    ]);
    app.notify_signed(&body).await;
    for expected in [typing("alice"), receipt.clone()] {
        assert_eq!(streams[0].next_fact().await.data, Some(expected));
    }
    let _one_more = app.stream("?rooms=public").await;
    app.notify_signed(&body).await;
    assert_eq!(streams[0].next_fact().await.data, Some(receipt));
    // A room is crowded by its own.
    app.notify_signed(&facts(&[("typing", json!({"room": "lobby"}), typing("bob"))])).await;
    assert_eq!(streams[0].next_fact().await.data, Some(typing("bob")));
    let metrics = app.get("/metrics").await;
    assert!(metrics.text().contains("realtalk_ephemeral_dropped_total 1\n"));
}
