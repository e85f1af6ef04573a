//! Edits, deletions, reactions, replies, mentions: what changes, who may, and what is told.

use reqwest::Method;
use serde_json::{Value, json};

use crate::app::App;

const THUMB: &str = "%F0%9F%91%8D";

async fn edit(app: &App, id: &str, user: &str, content: &str) -> crate::answer::Answer {
    let body = json!({"content": content, "user": user});
    app.send(Method::PATCH, &format!("/messages/{id}"), body).await
}

fn id(message: &Value) -> &str {
    message["id"].as_str().unwrap()
}

#[tokio::test]
async fn an_edit_changes_what_is_said_and_tells() {
    let app = App::start();
    let first = app.say("helo").await;
    let edited = edit(&app, id(&first), "ALICE", " hello ").await.json();
    assert_eq!(edited["content"], "hello");
    assert!(edited["edited_at"].as_str() > first["timestamp"].as_str());
    assert_eq!((&edited["id"], &edited["seq"]), (&first["id"], &first["seq"]));
    assert_eq!(app.list("").await, std::slice::from_ref(&edited));
    let events = app.events_after(id(&first)).await;
    let [(kind, audience, data)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((kind.as_str(), audience), ("message_updated", &json!({"room": "public"})));
    assert_eq!((&data["message"], &data["conversation_id"]), (&edited, &json!("public")));
    assert!(data["id"].as_str() > first["id"].as_str());
    // The same again is nothing new.
    assert_eq!(edit(&app, id(&first), "alice", "hello").await.json(), edited);
    assert_eq!(app.events_after(id(&first)).await.len(), 1);
}

#[tokio::test]
async fn only_authors_change_what_they_said() {
    let app = App::start();
    let first = app.say("mine").await;
    assert_eq!(edit(&app, id(&first), "bob", "x").await.refusal(), (403, "forbidden".to_owned()));
    let target = format!("/messages/{}", id(&first));
    let answer = app.ask(Method::DELETE, &format!("{target}?user=bob")).await;
    assert_eq!(answer.refusal(), (403, "forbidden".to_owned()));
    let answer = app.ask(Method::DELETE, &target).await;
    assert_eq!(answer.refusal(), (401, "user_missing".to_owned()));
    let answer = edit(&app, "20240101120000.123456", "alice", "x").await;
    assert_eq!(answer.refusal(), (404, "message_not_found".to_owned()));
    assert_eq!(app.list("").await, [first]);
}

#[tokio::test]
async fn of_a_deleted_message_only_its_place_is_left_in_the_log_too() {
    let app = App::start();
    let first = app.say("a secret").await;
    edit(&app, id(&first), "alice", "another secret").await;
    let target = format!("/messages/{}", id(&first));
    app.ask(Method::PUT, &format!("{target}/reactions/{THUMB}?user=bob")).await;
    let gone = app.ask(Method::DELETE, &format!("{target}?user=alice")).await.json();
    assert_eq!((&gone["deleted"], &gone["content"]), (&json!(true), &json!("")));
    assert!(gone.get("edited_at").is_none() && gone.get("reactions").is_none(), "{gone}");
    assert_eq!(app.list("").await, std::slice::from_ref(&gone));
    let events = app.events_after("19700101000000.000000").await;
    assert!(!json!(events).to_string().contains("secret"), "{events:?}");
    let (kind, _, data) = events.last().unwrap();
    assert_eq!((kind.as_str(), &data["message"]), ("message_deleted", &gone));
    // Deleting again changes nothing; anything else is refused.
    assert_eq!(app.ask(Method::DELETE, &format!("{target}?user=alice")).await.json(), gone);
    assert_eq!(edit(&app, id(&first), "alice", "x").await.refusal().0, 409);
    let answer = app.ask(Method::PUT, &format!("{target}/reactions/{THUMB}?user=bob")).await;
    assert_eq!(answer.refusal(), (409, "message_deleted".to_owned()));
    // The number is not given away again.
    assert_eq!(app.say("next").await["seq"], 2);
}

#[tokio::test]
async fn reactions_are_counted_by_user_and_told_in_full() {
    let app = App::start();
    let first = app.say("hi").await;
    let target = format!("/messages/{}/reactions", id(&first));
    for (method, emoji, user, reactions) in [
        (Method::PUT, THUMB, "bob", json!([{"emoji": "👍", "users": ["bob"], "count": 1}])),
        (
            Method::PUT,
            // The same one, with what asks for a picture.
            "%F0%9F%91%8D%EF%B8%8F",
            "carol",
            json!([{"emoji": "👍", "users": ["bob", "carol"], "count": 2}]),
        ),
        (
            Method::PUT,
            THUMB,
            "BOB",
            json!([{"emoji": "👍", "users": ["bob", "carol"], "count": 2}]),
        ),
        (Method::DELETE, THUMB, "bob", json!([{"emoji": "👍", "users": ["carol"], "count": 1}])),
        (Method::DELETE, THUMB, "bob", json!([{"emoji": "👍", "users": ["carol"], "count": 1}])),
    ] {
        let answer = app.ask(method, &format!("{target}/{emoji}?user={user}")).await;
        assert_eq!((answer.status, &answer.json()["reactions"]), (200, &reactions));
    }
    let events = app.events_after(id(&first)).await;
    let told: Vec<_> = events.iter().map(|(_, _, data)| (&data["action"], &data["user"])).collect();
    assert_eq!(json!(told), json!([["added", "bob"], ["added", "carol"], ["removed", "bob"]]));
    assert_eq!(events[2].2["reactions"], json!([{"emoji": "👍", "users": ["carol"], "count": 1}]));
    // Words, what is not seen, signs, more than one: 20 kinds would be full of them.
    for no_emoji in ["ok", "%E2%80%AE", "%E2%80%8B", "%CC%81", "%E2%82%AC", "👍👍", "👍%E2%80%8B"]
    {
        let answer = app.ask(Method::PUT, &format!("{target}/{no_emoji}?user=bob")).await;
        assert_eq!(answer.refusal(), (400, "emoji_invalid".to_owned()), "{no_emoji}");
    }
    for n in 0..25 {
        let emoji = char::from_u32(0x1f600 + n).unwrap();
        let bytes =
            emoji.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
        let answer = app.ask(Method::PUT, &format!("{target}/{bytes}?user=bob")).await;
        assert_eq!(answer.status, if n < 19 { 200 } else { 409 }, "{n}");
    }
}

#[tokio::test]
async fn a_reply_names_what_it_answers_in_the_same_conversation() {
    let app = App::start();
    let first = app.say("question").await;
    let reply = json!({"content": "answer", "user": "bob", "reply_to": first["id"]});
    assert_eq!(app.post(reply.clone()).await.json()["reply_to"], first["id"]);
    let mut elsewhere = reply;
    elsewhere["recipient"] = json!("alice");
    assert_eq!(app.post(elsewhere).await.refusal(), (422, "reply_not_found".to_owned()));
}

#[tokio::test]
async fn mentions_are_those_who_can_be_meant() {
    let app = App::start();
    for user in ["bob", "carol"] {
        app.post(json!({"content": "here", "user": user})).await;
    }
    let message = app.say("@Bob, @nobody and @alice: mail carol@example.org").await;
    assert_eq!(message["mentions"], json!(["bob"]));
    let edited = edit(&app, id(&message), "alice", "@carol!").await.json();
    assert_eq!(edited["mentions"], json!(["carol"]));
    // In private only those who are there.
    let whisper = json!({"content": "@carol @bob", "user": "alice", "recipient": "bob"});
    assert_eq!(app.post(whisper).await.json()["mentions"], json!(["bob"]));
}

#[tokio::test]
async fn names_of_several_words_or_with_punctuation_are_mentioned_in_rooms_too() {
    let app = App::start();
    for user in ["John Doe", "Bob!", "Anna Maria Lopez"] {
        app.post(json!({"content": "here", "user": user})).await;
    }
    let message = app.say("@john doe and @bob!, @Anna Maria Lopez: hello").await;
    assert_eq!(message["mentions"], json!(["John Doe", "Bob!", "Anna Maria Lopez"]));
    let edited = edit(&app, id(&message), "alice", "@JOHN DOE!").await.json();
    assert_eq!(edited["mentions"], json!(["John Doe"]));
}

#[tokio::test]
async fn of_those_who_share_a_reaction_the_first_fifty_are_named_and_all_are_counted() {
    let app = App::start();
    let first = app.say("hi").await;
    let target = format!("/messages/{}/reactions/{THUMB}", id(&first));
    let act = async |method, n: usize| {
        app.ask(method, &format!("{target}?user=u{n:02}")).await.json()["reactions"].clone()
    };
    let shown = |names: std::ops::RangeInclusive<usize>, count: u64| {
        let users: Vec<_> = names.map(|n| format!("u{n:02}")).collect();
        json!([{"emoji": "👍", "users": users, "count": count}])
    };
    for n in 0..60 {
        act(Method::PUT, n).await;
    }
    assert_eq!(act(Method::PUT, 59).await, shown(0..=49, 60));
    assert_eq!(app.list("").await[0]["reactions"], shown(0..=49, 60));
    // Everybody can take theirs back, named or not, and others move up.
    assert_eq!(act(Method::DELETE, 59).await, shown(0..=49, 59));
    assert_eq!(act(Method::DELETE, 0).await, shown(1..=50, 58));
    let events = app.events_after(id(&first)).await;
    assert_eq!(events.len(), 62);
    assert_eq!(events[59].2["reactions"], shown(0..=49, 60));
    for n in 1..59 {
        act(Method::DELETE, n).await;
    }
    assert!(app.list("").await[0].get("reactions").is_none());
}
