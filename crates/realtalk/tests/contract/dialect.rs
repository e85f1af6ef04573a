//! Direct messages in a dialect of their own: `/TaskMgt/api`, and `/sse/chat` for one user.

use serde_json::{Value, json};

use crate::{
    api::{Answer, Api, text},
    deadline::PATIENCE,
    process::Pair,
    wire::{Block, Dial, Wire},
};

const MESSAGES: &str = "/TaskMgt/api/messages";
const RESOLVE: &str = "/TaskMgt/api/conversations/resolve";

/// Sends a message, which must be taken; returns its object.
async fn send(api: &Api, sender: &str, receiver: &str, words: &str) -> Value {
    let body = json!({"senderId": sender, "receiverId": receiver, "text": words});
    api.post(MESSAGES, body).await.expect(201)["messageObject"].clone()
}

/// An error: a problem with one field more, `error`.
#[track_caller]
fn refused(answer: &Answer, status: u16) {
    answer.refusal(status);
    let body = answer.json();
    assert_eq!(body["error"], body["detail"], "{body}");
}

/// The texts of a list of messages, whose `count` must be right.
async fn texts(api: &Api, target: &str) -> Vec<String> {
    let list = api.get(target).await.expect(200);
    let messages = list["messages"].as_array().unwrap();
    assert_eq!(list["count"], messages.len(), "{list}");
    assert!(list["message"].is_string(), "{list}");
    messages.iter().map(|message| text(&message["text"]).to_owned()).collect()
}

#[track_caller]
fn has_fields(object: &Value, fields: &[&str]) {
    let names: Vec<_> = object.as_object().unwrap().keys().map(String::as_str).collect();
    for field in fields {
        assert!(names.contains(field), "{field} is missing: {object}");
    }
}

#[tokio::test]
async fn a_message_is_made_with_its_conversation() {
    let pair = Pair::start(&[]).await;
    let api = Api::of(&pair.message);
    let body = json!({"senderId": "alice", "receiverId": "bob", "text": "hello"});
    let made = api.post(MESSAGES, body).await.expect(201);
    assert_eq!(made["message"], "Message created");
    let object = &made["messageObject"];
    has_fields(object, &["id", "conversationId", "sentAt", "status"]);
    for (field, value) in [("senderId", "alice"), ("receiverId", "bob"), ("text", "hello")] {
        assert_eq!(object[field], value, "{object}");
    }
    let conversation = &made["conversation"];
    has_fields(conversation, &["id", "userA", "userB", "createdAt"]);
    assert_eq!(conversation["id"], object["conversationId"]);
    let mut users = [text(&conversation["userA"]), text(&conversation["userB"])];
    users.sort_unstable();
    assert_eq!(users, ["alice", "bob"]);
    // The answer is in the same conversation.
    let answer = send(&api, "bob", "alice", "hello yourself").await;
    assert_eq!(answer["conversationId"], object["conversationId"]);
}

#[tokio::test]
async fn what_is_missing_or_wrong_is_said_in_error() {
    let pair = Pair::start(&[]).await;
    let api = Api::of(&pair.message);
    for body in [
        json!({}),
        json!({"receiverId": "bob", "text": "x"}),
        json!({"senderId": "alice", "text": "x"}),
        json!({"senderId": "alice", "receiverId": "bob"}),
        json!({"senderId": "alice", "receiverId": "bob", "text": ""}),
        json!({"senderId": "alice", "receiverId": "alice", "text": "x"}),
        json!({"senderId": "alice", "receiverId": "Alice", "text": "x"}),
    ] {
        let answer = api.post(MESSAGES, body.clone()).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text);
        refused(&answer, 400);
    }
    for body in [json!({}), json!({"user1": "alice"}), json!({"user1": "a", "user2": "a"})] {
        refused(&api.post(RESOLVE, body).await, 400);
    }
    for limit in ["0", "101", "x"] {
        let messages = "/TaskMgt/api/conversations/dm:alice:bob/messages";
        refused(&api.get(&format!("{messages}?limit={limit}")).await, 400);
    }
    refused(&api.get("/TaskMgt/api/conversations/dm:nobody:there/messages").await, 404);
    refused(&api.get("/TaskMgt/api/nothing").await, 404);
    refused(&api.get(MESSAGES).await, 405);
}

#[tokio::test]
async fn a_conversation_is_found_or_made() {
    let pair = Pair::start(&[]).await;
    let api = Api::of(&pair.message);
    let resolve = async |user1: &str, user2: &str| {
        let answer = api.post(RESOLVE, json!({"user1": user1, "user2": user2})).await;
        assert!([200, 201].contains(&answer.status), "{answer:?}");
        let answer = answer.json();
        assert!(answer["message"].is_string(), "{answer}");
        has_fields(&answer["conversation"], &["id", "userA", "userB", "createdAt"]);
        answer["conversation"]["id"].clone()
    };
    let made = resolve("alice", "bob").await;
    assert_eq!(resolve("bob", "alice").await, made);
    assert_ne!(resolve("bob", "carol").await, made);
    assert_eq!(send(&api, "alice", "bob", "hello").await["conversationId"], made);
}

#[tokio::test]
async fn conversations_of_a_user_are_listed_newest_first() {
    let pair = Pair::start(&[]).await;
    let api = Api::of(&pair.message);
    for number in 0..25 {
        send(&api, &format!("user{number}"), "alice", &format!("message {number}")).await;
    }
    send(&api, "user7", "alice", "the newest").await;
    let list = async |query: &str| {
        let target = format!("/TaskMgt/api/users/alice/conversations{query}");
        let list = api.get(&target).await.expect(200);
        let conversations = list["conversations"].as_array().unwrap().clone();
        assert_eq!(list["count"], conversations.len(), "{list}");
        conversations
    };
    let first = list("").await;
    assert_eq!(first.len(), 20);
    has_fields(&first[0], &["id", "userA", "userB", "createdAt", "lastMessage", "unreadCount"]);
    assert_eq!(first[0]["unreadCount"], 2);
    let rest = list("?skip=20&limit=20").await;
    assert_eq!(rest.len(), 5);
    let mut ids: Vec<_> = first.iter().chain(&rest).map(|it| text(&it["id"])).collect();
    assert!(ids[0].contains("user7"), "{ids:?}");
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 25, "none is missing, none is there twice");
    assert_eq!(list("?limit=3").await, first[..3]);
    assert!(list("?skip=25").await.is_empty());
    // What is public is no conversation of hers here.
    api.say("alice", "for all").await;
    assert_eq!(list("?limit=100").await.len(), 25);
}

#[tokio::test]
async fn messages_are_listed_as_they_are_shown_from_the_newest_page() {
    let pair = Pair::start(&[]).await;
    let api = Api::of(&pair.message);
    let mut id = String::new();
    for number in 0..40 {
        let (from, to) = if number % 4 == 0 { ("bob", "alice") } else { ("alice", "bob") };
        let object = send(&api, from, to, &format!("{number}")).await;
        id = text(&object["conversationId"]).to_owned();
    }
    send(&api, "carol", "bob", "from carol").await;
    let messages = format!("/TaskMgt/api/conversations/{id}/messages");
    let numbers =
        |range: std::ops::Range<i32>| -> Vec<_> { range.map(|n| n.to_string()).collect() };
    let of = |who: &str| format!("user={who}");
    // Where names are taken as given, those clients do not say who asks.
    for query in ["", &format!("?{}", of("alice"))] {
        assert_eq!(texts(&api, &format!("{messages}{query}")).await, numbers(10..40), "{query}");
    }
    assert_eq!(texts(&api, &format!("{messages}?skip=30&limit=100")).await, numbers(0..10));
    assert_eq!(texts(&api, &format!("{messages}?limit=1")).await, ["39"]);
    let sent_to = |who: &str, query: &str| format!("/TaskMgt/api/users/{who}/messages{query}");
    assert_eq!(texts(&api, &sent_to("bob", "?limit=2")).await, ["39", "from carol"]);
    assert_eq!(texts(&api, &sent_to("bob", "?limit=100")).await.len(), 31);
    let to_alice = ["0", "4", "8", "12", "16", "20", "24", "28", "32", "36"];
    assert_eq!(texts(&api, &sent_to("alice", "?limit=100")).await, to_alice);
    assert_eq!(texts(&api, &sent_to("alice", "?skip=1&limit=1")).await, ["32"]);
    // Both ways of the API show the same.
    let list = api.contents("/messages?user=alice&recipient=bob&limit=200").await;
    assert_eq!(list.len(), 40);
}

async fn chat(pair: &Pair, user: &str, cursor: Option<&str>) -> Wire {
    let dial = Dial {
        target: format!("/sse/chat?userId={user}"),
        cursor: cursor.map(str::to_owned),
        ..Dial::events(pair.notification.port())
    };
    let mut wire = dial.granted().await;
    let first = wire.next().await.unwrap().unwrap();
    let said = first.json();
    assert_eq!(first.event, None);
    assert!(first.id.is_some() && first.retry.is_some(), "{first:?}");
    assert_eq!((&said["type"], &said["userId"]), (&json!("connected"), &json!(user)));
    assert_eq!(said["message"], "Connected to chat stream");
    wire
}

/// The next message object, with its id.
async fn hear(wire: &mut Wire) -> (Option<String>, Value) {
    let block = wire.find(|block| block.is_message() && block.json().get("type").is_none()).await;
    (block.id.clone(), block.json())
}

#[tokio::test]
async fn a_stream_has_all_of_ones_own_and_nothing_of_others() {
    let pair = Pair::start(&[]).await;
    let api = Api::of(&pair.message);
    let mut wires = Vec::new();
    for user in ["alice", "bob", "carol"] {
        wires.push(chat(&pair, user, None).await);
    }
    let object = send(&api, "alice", "bob", "psst").await;
    api.say("alice", "for all").await;
    let last = send(&api, "carol", "alice", "hi").await;
    let [alice, bob, carol] = &mut wires[..] else { unreachable!() };
    // Sender and receiver.
    for wire in [&mut *alice, bob] {
        let (id, got) = hear(wire).await;
        assert_eq!(id.as_deref(), Some(text(&object["id"])));
        assert_eq!(got, object);
    }
    // What is between others, and what is public, is not there: the next is her own.
    for wire in [alice, carol] {
        assert_eq!(hear(wire).await.1, last);
    }
}

#[tokio::test]
async fn every_frame_is_a_default_event_and_heartbeats_come() {
    let pair = Pair::start(&[("HEARTBEAT_SECS", "1")]).await;
    let api = Api::of(&pair.message);
    let mut wire = chat(&pair, "bob", None).await;
    api.post("/conversations/dm:alice:bob/typing?user=alice", json!({})).await;
    send(&api, "alice", "bob", "hello").await;
    let (mut beats, mut messages) = (0, 0);
    while beats < 2 || messages < 1 {
        let block: Block = wire.next().await.unwrap().unwrap();
        assert_eq!(block.event, None, "{block:?}");
        let said = block.json();
        if said["type"] == "heartbeat" {
            assert_eq!(said["message"], "ping");
            assert!(said["time"].is_string() || said["time"].is_number(), "{said}");
            assert_eq!(block.id, None);
            beats += 1;
        } else {
            assert_eq!(said["text"], "hello");
            messages += 1;
        }
    }
}

#[tokio::test]
async fn a_stream_that_comes_back_gets_what_it_missed() {
    let pair = Pair::start(&[]).await;
    let api = Api::of(&pair.message);
    let mut wire = chat(&pair, "bob", None).await;
    send(&api, "alice", "bob", "one").await;
    let (cursor, _) = hear(&mut wire).await;
    drop(wire);
    let missed = ["two", "three", "four"];
    for words in missed {
        send(&api, "alice", "bob", words).await;
        send(&api, "alice", "carol", "not for bob").await;
    }
    let mut wire = chat(&pair, "bob", cursor.as_deref()).await;
    for words in missed {
        assert_eq!(hear(&mut wire).await.1["text"], words);
    }
    send(&api, "alice", "bob", "live").await;
    assert_eq!(hear(&mut wire).await.1["text"], "live");
}

#[tokio::test]
async fn a_stream_without_a_user_is_refused() {
    let pair = Pair::start(&[]).await;
    let notification = Api::of(&pair.notification);
    for query in ["", "?userId="] {
        notification.get(&format!("/sse/chat{query}")).await.refusal(400);
    }
}

#[tokio::test]
async fn one_base_address_is_enough() {
    let pair = Pair::start(&[]).await;
    let api = Api::of(&pair.message);
    let answer = api.get("/sse/chat?userId=alice%20b").await;
    assert_eq!(answer.status, 307, "{}", answer.text);
    let place = answer.header("location");
    let port = pair.notification.port();
    assert!(place.ends_with(&format!(":{port}/sse/chat?userId=alice%20b")), "{place}");
    // The stream is really there.
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE);
    let mut stream = client.build().unwrap().get(place).send().await.unwrap();
    assert_eq!(stream.status(), 200);
    assert_eq!(stream.headers()["content-type"], "text/event-stream; charset=utf-8");
    assert!(stream.chunk().await.unwrap().is_some());
}

/// A page of another origin is sent on by its browser as one that has none.
#[tokio::test]
async fn one_base_address_is_enough_for_a_page_of_another_origin() {
    const PAGE: &str = "https://app.example";
    for settings in
        [&[("ALLOWED_ORIGINS", PAGE)][..], &[("ALLOWED_ORIGINS", PAGE), ("AUTH_MODE", "required")]]
    {
        let pair = Pair::start(settings).await;
        let browser = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .build()
            .unwrap();
        let ask = async |url: &str, origin: &str| {
            let request = browser.get(url).header("accept", "text/event-stream");
            request.header("origin", origin).send().await.unwrap()
        };
        let base = format!("http://127.0.0.1:{}", pair.message.port());
        let (query, cookie, is_open) = match settings.len() {
            1 => ("userId=alice".to_owned(), String::new(), true),
            _ => {
                let user = json!({"username": "alice", "password": "a long password"});
                browser.post(format!("{base}/users")).json(&user).send().await.unwrap();
                let session = browser.post(format!("{base}/sessions")).json(&user).send();
                let session = session.await.unwrap();
                let cookie = session.headers()["set-cookie"].to_str().unwrap().to_owned();
                let token = session.json::<Value>().await.unwrap()["token"].clone();
                let ask = browser.post(format!("{base}/tickets"));
                let ticket = ask.bearer_auth(text(&token)).send().await.unwrap();
                let ticket = ticket.json::<Value>().await.unwrap()["ticket"].clone();
                let query = format!("userId=alice&ticket={}", text(&ticket));
                (query, cookie, false)
            }
        };
        let sent_on = ask(&format!("{base}/sse/chat?{query}"), PAGE).await;
        assert_eq!(sent_on.status(), 307);
        assert_eq!(sent_on.headers()["access-control-allow-origin"], PAGE);
        let place = sent_on.headers()["location"].to_str().unwrap().to_owned();
        let mut stream = ask(&place, "null").await;
        assert_eq!(stream.status(), 200);
        assert_eq!(stream.headers()["access-control-allow-origin"], "null");
        assert!(stream.chunk().await.unwrap().is_some());
        if !is_open {
            let place = format!("{base}/sse/chat?userId=alice");
            let place = ask(&place, PAGE).await.headers()["location"].to_str().unwrap().to_owned();
            let with_cookie = browser.get(&place).header("origin", "null");
            let with_cookie = with_cookie.header("cookie", cookie.split(';').next().unwrap());
            assert_eq!(with_cookie.send().await.unwrap().status(), 401);
            continue;
        }
        // Without that, or changed, it is a page of no origin, which the list does not have.
        let forged = place.replace("app.example", "evil.example");
        assert_ne!(forged, place);
        let unsigned = place.split("&page=").next().unwrap().to_owned();
        for place in [forged, unsigned] {
            assert_eq!(ask(&place, "null").await.status(), 403, "{place}");
        }
        // It is good for that stream, and shows nobody: not what else there is, nor with a cookie.
        let page = place.split_once("page=").unwrap().1;
        let port = pair.notification.port();
        for target in ["/events?user=alice", "/presence?user=alice"] {
            let place = format!("http://127.0.0.1:{port}{target}&page={page}");
            assert_eq!(ask(&place, "null").await.status(), 403, "{place}");
        }
        let place = format!("{base}/conversations?user=alice&page={page}");
        assert!(!ask(&place, "null").await.headers().contains_key("access-control-allow-origin"));
        // Nobody vouches for a page that may not call, and the list decides everywhere.
        let evil = ask(&format!("{base}/sse/chat?{query}"), "https://evil.example").await;
        let place = evil.headers().get("location").map(|place| place.to_str().unwrap().to_owned());
        assert!(place.is_none_or(|place| !place.contains("page=")));
    }
}
