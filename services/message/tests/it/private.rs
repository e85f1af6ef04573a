//! Private messages: who gets them, who sees them, and what has not arrived.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{app::App, paging::link};

async fn whisper(app: &App, from: &str, to: &str, content: &str) -> Value {
    let answer = app.post(json!({"user": from, "recipient": to, "content": content})).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()
}

#[tokio::test]
async fn a_private_message_makes_its_conversation_and_is_for_the_two_only() {
    let app = App::start();
    let message = whisper(&app, "Bob", "alice", "psst").await;
    assert_eq!(message["conversation_id"], "dm:alice:bob");
    assert_eq!((&message["user"], &message["recipient"]), (&json!("Bob"), &json!("alice")));
    assert_eq!(message["status"], "sent");
    let events = app.events_after("19700101000000.000000").await;
    let pair = json!({"users": ["alice", "bob"]});
    let kinds: Vec<_> =
        events.iter().map(|(kind, audience, _)| (kind.as_str(), audience)).collect();
    assert_eq!(kinds, [("conversation", &pair), ("message", &pair)]);
    // In either spelling and from either side it is the same conversation.
    let answer = whisper(&app, "ALICE", "bob", "yes?").await;
    assert_eq!(answer["conversation_id"], "dm:alice:bob");
    assert_eq!((&answer["user"], &answer["recipient"]), (&json!("alice"), &json!("Bob")));
    for query in ["?user=alice&recipient=bob", "?user=BOB&to=Alice"] {
        let seqs: Vec<_> = app.list(query).await.iter().map(|m| m["seq"].clone()).collect();
        assert_eq!(seqs, [json!(1), json!(2)], "{query}");
    }
}

#[tokio::test]
async fn to_everybody_else_a_private_conversation_is_one_that_does_not_exist() {
    let app = App::start();
    let message = whisper(&app, "alice", "bob", "psst").await;
    let id = message["id"].as_str().unwrap();
    let (there, nowhere) = ("dm:alice:bob", "dm:alice:nobody");
    let mut answers = Vec::new();
    for conversation in [there, nowhere] {
        for who in ["", "&user=carol"] {
            let list = app.get(&format!("/messages?conversation_id={conversation}{who}")).await;
            let post =
                json!({"content": "me too", "user": "carol", "conversation_id": conversation});
            answers.push((list.refusal(), app.post(post).await.refusal()));
        }
    }
    let refused = (404, "conversation_not_found".to_owned());
    assert!(answers.iter().all(|it| *it == (refused.clone(), refused.clone())), "{answers:?}");
    for (method, target) in [
        (Method::GET, format!("/messages/{id}")),
        (Method::GET, format!("/messages/{id}?user=carol")),
        (Method::DELETE, format!("/messages/{id}?user=carol")),
        (Method::PUT, format!("/messages/{id}/reactions/%F0%9F%91%8D?user=carol")),
    ] {
        let answer = app.ask(method, &target).await;
        assert_eq!(answer.refusal(), (404, "message_not_found".to_owned()), "{target}");
    }
    // Nor does it stand in anybody else's log.
    let sync = app.get("/sync?after=19700101000000.000000&user=carol").await.json();
    assert_eq!(sync["events"], json!([]));
    let sync = app.get("/sync?after=19700101000000.000000&user=Bob").await.json();
    assert_eq!(sync["events"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn what_has_not_arrived_is_listed_until_it_has() {
    let app = App::start();
    let first = whisper(&app, "alice", "bob", "1").await;
    whisper(&app, "carol", "bob", "2").await;
    let last = whisper(&app, "alice", "bob", "3").await;
    whisper(&app, "bob", "alice", "mine").await;
    app.say("for all").await;
    let waiting = |list: Vec<Value>| -> Vec<String> {
        list.iter().map(|message| message["content"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(waiting(app.list("?undelivered=true&user=bob").await), ["1", "2", "3"]);
    let page = app.get("/messages?undelivered=true&user=bob&limit=2").await;
    assert_eq!(page.header("x-has-more"), Some("true"));
    assert_eq!(waiting(serde_json::from_value(page.json()).unwrap()), ["1", "2"]);
    let page = app.get(link(&page, "next").unwrap()).await;
    assert_eq!((page.header("x-has-more"), page.header("link")), (Some("false"), None));
    assert_eq!(waiting(serde_json::from_value(page.json()).unwrap()), ["3"]);
    let backwards = app.get("/messages?undelivered=true&user=bob&before=3").await;
    assert_eq!(backwards.refusal(), (400, "invalid_query".to_owned()));
    let deliver = |up_to: &Value| json!({"delivered": [{"user": "bob", "up_to": up_to}]});
    let answer = app.post_signed("/internal/delivered", deliver(&first["id"])).await;
    assert_eq!(answer.status, 204);
    assert_eq!(waiting(app.list("?undelivered=true&user=bob").await), ["2", "3"]);
    app.post_signed("/internal/delivered", deliver(&last["id"])).await;
    assert_eq!(waiting(app.list("?undelivered=true&user=bob").await), Vec::<String>::new());
    // Markers never move back, and show in what the sender sees.
    app.post_signed("/internal/delivered", deliver(&first["id"])).await;
    let status: Vec<_> =
        app.list("?user=alice&recipient=bob").await.iter().map(|m| m["status"].clone()).collect();
    assert_eq!(status, [json!("delivered"), json!("delivered"), json!("sent")]);
}

#[tokio::test]
async fn what_reached_a_client_of_direct_messages_leaves_groups_as_they_are() {
    let app = App::start();
    let group = json!({"kind": "group", "name": "All", "members": ["bob"]});
    let group = app.send(Method::POST, "/conversations?user=alice", group).await.json();
    let to_group = json!({"content": "all", "user": "alice", "conversation_id": group["id"]});
    assert_eq!(app.post(to_group).await.status, 201);
    let direct = whisper(&app, "alice", "bob", "psst").await;
    let deliver = json!({"delivered": [{"user": "bob", "up_to": direct["id"], "direct": true}]});
    assert_eq!(app.post_signed("/internal/delivered", deliver).await.status, 204);
    let waiting = app.list("?undelivered=true&user=bob").await;
    assert_eq!(waiting.len(), 1, "{waiting:?}");
    assert_eq!(waiting[0]["content"], "all");
}

#[tokio::test]
async fn a_stream_begins_with_what_has_not_arrived_among_the_last_of_its_rooms() {
    let app = App::start();
    app.say("old").await;
    whisper(&app, "alice", "bob", "psst").await;
    app.say("new").await;
    let opening = app.get_signed("/internal/opening?user=bob&rooms=public&history=1").await.json();
    let said: Vec<_> = opening["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["data"]["content"].clone())
        .collect();
    assert_eq!(said, ["psst", "new"]);
}

#[tokio::test]
async fn what_a_stream_begins_with_is_bounded_in_bytes() {
    let app = App::with(&[("MAX_CONTENT_CHARS", "16384"), ("DURABILITY", "relaxed")]);
    let long = |n: usize| format!("{n} {}", "é".repeat(16_000));
    for n in 0..140 {
        app.say(&long(n)).await;
    }
    // Of history, the newest.
    let opening = app.get_signed("/internal/opening?rooms=public&history=200").await.json();
    let events = opening["events"].as_array().unwrap();
    assert!((100..140).contains(&events.len()), "{}", events.len());
    assert_eq!(events.last().unwrap()["data"]["content"], json!(long(139)));
    // Of what has not arrived, all or nothing.
    for n in 0..130 {
        whisper(&app, "alice", "bob", &long(n)).await;
    }
    let path = "/internal/opening?user=bob&rooms=public&history=1";
    assert_eq!(app.get_signed(path).await.json()["events"].as_array().unwrap().len(), 131);
    for n in 130..140 {
        whisper(&app, "alice", "bob", &long(n)).await;
    }
    assert_eq!(app.get_signed(path).await.refusal(), (410, "too_far".to_owned()));
}

#[tokio::test]
async fn nothing_private_needs_a_sender_who_is_somebody_else() {
    let app = App::start();
    for (body, refusal) in [
        (json!({"content": "x", "recipient": "bob"}), (422, "user_missing")),
        (json!({"content": "x", "user": "bob", "recipient": "BOB"}), (422, "recipient_is_self")),
    ] {
        let answer = app.post(body).await;
        assert_eq!(answer.refusal(), (refusal.0, refusal.1.to_owned()));
    }
    let answer = app.get("/messages?recipient=bob").await;
    assert_eq!(answer.refusal(), (401, "user_missing".to_owned()));
    let answer = app.get("/messages?undelivered=true").await;
    assert_eq!(answer.refusal(), (401, "user_missing".to_owned()));
}

#[tokio::test]
async fn a_post_that_is_refused_makes_nobody_and_nothing() {
    let app = App::start();
    let lost = json!("20240101120000.123456");
    for (body, refusal) in [
        (
            json!({"content": "x", "user": "newgal", "recipient": "newguy", "reply_to": lost}),
            (422, "reply_not_found"),
        ),
        (
            json!({"content": "x", "user": "newgal", "conversation_id": "nowhere"}),
            (404, "conversation_not_found"),
        ),
        (
            json!({"content": "x", "user": "newgal", "recipient": "NEWGAL"}),
            (422, "recipient_is_self"),
        ),
    ] {
        let answer = app.post(body).await;
        assert_eq!(answer.refusal(), (refusal.0, refusal.1.to_owned()));
    }
    assert_eq!(app.get("/users").await.json(), json!([]));
    assert_eq!(app.events_after("19700101000000.000000").await, []);
    whisper(&app, "newgal", "newguy", "hi").await;
    assert_eq!(app.get("/users").await.json().as_array().unwrap().len(), 2);
}
