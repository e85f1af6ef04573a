//! `/TaskMgt/api`: the dialect of another chat.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{answer::Answer, app::App};

async fn post(app: &App, target: &str, body: Value) -> Answer {
    Answer::to(app.request(Method::POST, &format!("/TaskMgt/api{target}")).json(&body)).await
}

async fn get(app: &App, target: &str) -> Answer {
    app.get(&format!("/TaskMgt/api{target}")).await
}

async fn send(app: &App, from: &str, to: &str, text: &str) -> Value {
    let answer =
        post(app, "/messages", json!({"senderId": from, "receiverId": to, "text": text})).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()
}

fn texts(answer: &Answer) -> Vec<String> {
    let body = answer.json();
    assert_eq!(body["message"], json!("Messages retrieved"), "{answer:?}");
    let messages = body["messages"].as_array().unwrap();
    assert_eq!(body["count"], json!(messages.len()));
    messages.iter().map(|it| it["text"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_message_makes_the_conversation_and_answers_with_both() {
    let app = App::start();
    let answer = send(&app, "Bo", "Al", "hello").await;
    let (object, conversation) = (&answer["messageObject"], &answer["conversation"]);
    let expected = json!({
        "message": "Message created",
        "conversation": {
            "id": "dm:al:bo", "userA": "Al", "userB": "Bo",
            "createdAt": conversation["createdAt"],
            "lastMessage": object, "unreadCount": 0,
        },
        "messageObject": {
            "id": object["id"], "conversationId": "dm:al:bo", "senderId": "Bo",
            "receiverId": "Al", "text": "hello", "sentAt": object["sentAt"], "status": "sent",
        },
    });
    assert_eq!(answer.to_string(), expected.to_string());
    assert!(object["sentAt"].as_str().unwrap().ends_with('Z'));
    // It is the same message as everywhere.
    let id = object["id"].as_str().unwrap();
    let page = app.get("/conversations/dm:al:bo/messages?user=al").await.json();
    assert_eq!((&page[0]["id"], &page[0]["content"]), (&json!(id), &json!("hello")));
}

#[tokio::test]
async fn what_is_wrong_is_400_and_says_so_in_error() {
    let app = App::start();
    for (target, body) in [
        ("/messages", json!({})),
        ("/messages", json!({"senderId": "al", "receiverId": "bo"})),
        ("/messages", json!({"senderId": "al", "text": "x"})),
        ("/messages", json!({"receiverId": "bo", "text": "x"})),
        ("/messages", json!({"senderId": null, "receiverId": "bo", "text": "x"})),
        ("/messages", json!({"senderId": "", "receiverId": "bo", "text": "x"})),
        ("/messages", json!({"senderId": "al", "receiverId": "AL", "text": "x"})),
        ("/messages", json!({"senderId": "al", "receiverId": "bo", "text": " "})),
        ("/messages", json!({"senderId": "al", "receiverId": "bo", "text": 5})),
        ("/messages", json!([])),
        ("/conversations/resolve", json!({"user1": "al"})),
        ("/conversations/resolve", json!({"user1": "al", "user2": "Al"})),
    ] {
        let answer = post(&app, target, body.clone()).await;
        assert_eq!(answer.status, 400, "{body} {answer:?}");
        let problem = answer.problem();
        assert_eq!((problem.status, &*problem.title), (400, "Bad Request"));
        assert_eq!(answer.json()["error"], json!(problem.detail), "{body}");
    }
    for target in [
        "/conversations/dm:al:bo/messages?limit=0",
        "/conversations/dm:al:bo/messages?limit=101",
        "/conversations/dm:al:bo/messages?limit=x",
        "/conversations/dm:al:bo/messages?skip=-1",
        "/users/al/conversations?skip=x",
        "/users/al/messages?limit=1000",
    ] {
        let answer = get(&app, target).await;
        assert_eq!(answer.status, 400, "{target} {answer:?}");
        assert_eq!(answer.json()["error"], json!(answer.problem().detail));
    }
    for (answer, status) in [
        (get(&app, "/conversations/dm:al:bo/messages").await, 404),
        (get(&app, "/nothing").await, 404),
        (get(&app, "/messages").await, 405),
    ] {
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(answer.json()["error"], json!(answer.problem().detail));
    }
}

#[tokio::test]
async fn a_pair_is_resolved_in_either_order() {
    let app = App::start();
    let first = post(&app, "/conversations/resolve", json!({"user1": "Bo", "user2": "Al"})).await;
    assert_eq!(first.status, 201, "{first:?}");
    let conversation = &first.json()["conversation"];
    assert_eq!((&conversation["userA"], &conversation["userB"]), (&json!("Al"), &json!("Bo")));
    assert!(conversation.get("lastMessage").is_none());
    let again = post(&app, "/conversations/resolve", json!({"user1": "AL", "user2": "bo"})).await;
    assert_eq!((again.status, again.json()), (200, first.json()));
    assert_eq!(again.json()["message"], json!("Conversation resolved"));
    // Ids may be written as numbers.
    let numbers = post(&app, "/conversations/resolve", json!({"user1": 7, "user2": 12})).await;
    assert_eq!(numbers.json()["conversation"]["id"], json!("dm:12:7"));
}

#[tokio::test]
async fn lists_are_paged_from_the_newest_by_skip_and_limit() {
    let app = App::start();
    for n in 0..35 {
        send(&app, "al", "bo", &n.to_string()).await;
    }
    send(&app, "cy", "bo", "from cy").await;
    send(&app, "bo", "cy", "to cy").await;
    app.say("for all").await;
    let newest =
        |range: std::ops::Range<u32>| -> Vec<String> { range.map(|n| n.to_string()).collect() };
    let place = "/conversations/dm:al:bo/messages";
    for (query, expected) in [
        ("", newest(5..35)),
        ("?skip=0&limit=3", newest(32..35)),
        ("?skip=33&limit=30", newest(0..2)),
        ("?skip=35", vec![]),
        ("?skip=4294967295", vec![]),
        ("?limit=100&userId=bo", newest(0..35)),
    ] {
        assert_eq!(texts(&get(&app, &format!("{place}{query}")).await), expected, "{query}");
    }
    let received = texts(&get(&app, "/users/bo/messages?limit=3").await);
    assert_eq!(received, ["33", "34", "from cy"]);
    let received = texts(&get(&app, "/users/bo/messages?skip=2&limit=100").await);
    assert_eq!(received, newest(0..34));

    let list = get(&app, "/users/bo/conversations").await.json();
    assert_eq!((&list["message"], &list["count"]), (&json!("Conversations retrieved"), &json!(2)));
    let ids: Vec<_> =
        list["conversations"].as_array().unwrap().iter().map(|it| &it["id"]).collect();
    assert_eq!(ids, [&json!("dm:bo:cy"), &json!("dm:al:bo")]);
    assert_eq!(list["conversations"][1]["unreadCount"], json!(35));
    assert_eq!(list["conversations"][1]["lastMessage"]["text"], json!("34"));
    let second = get(&app, "/users/bo/conversations?skip=1&limit=1").await.json();
    assert_eq!(second["conversations"], json!([list["conversations"][1]]));
}

#[tokio::test]
async fn how_far_a_message_got_is_shown() {
    let app = App::start();
    send(&app, "al", "bo", "x").await;
    let status = async || {
        let list = get(&app, "/conversations/dm:al:bo/messages").await.json();
        list["messages"][0]["status"].as_str().unwrap().to_owned()
    };
    assert_eq!(status().await, "sent");
    let bo = app.someone("bo");
    bo.post("/conversations/dm:al:bo/delivered", json!({"seq": 1})).await;
    assert_eq!(status().await, "delivered");
    bo.reads("dm:al:bo", 1).await;
    assert_eq!(status().await, "read");
    let list = get(&app, "/users/bo/conversations").await.json();
    assert_eq!(list["conversations"][0]["unreadCount"], json!(0));
}

#[tokio::test]
async fn the_stream_is_elsewhere() {
    for (settings, expected) in [
        (&[("NOTIFICATION_SERVICE_URL", "http://ntfn:9081")][..], "http://127.0.0.1:9081"),
        (&[("PUBLIC_NOTIFICATION_URL", "https://push.example/x")], "https://push.example/x"),
    ] {
        let app = App::with(settings);
        for base in ["", "/TaskMgt/api"] {
            let answer = app.get(&format!("{base}/sse/chat?userId=J%20D&a=%26")).await;
            let target = format!("{expected}/sse/chat?userId=J%20D&a=%26");
            assert_eq!((answer.status, answer.header("location")), (307, Some(&*target)));
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            let plain = app.get(&format!("{base}/sse/chat")).await;
            assert_eq!(plain.header("location"), Some(&*format!("{expected}/sse/chat")));
        }
    }
}

#[tokio::test]
async fn a_repeat_is_told_as_one_whichever_way_the_key_was_sent() {
    let app = App::start();
    for key in ["clientMsgId", "client_msg_id"] {
        let body = json!({"senderId": "a", "receiverId": "b", "text": "hi", (key): key});
        let send = async || app.send(Method::POST, "/TaskMgt/api/messages", body.clone()).await;
        let (first, again) = (send().await, send().await);
        assert_eq!((first.status, first.header("idempotency-replayed")), (201, None));
        assert_eq!((again.status, again.header("idempotency-replayed")), (200, Some("true")));
        assert_eq!(again.json()["messageObject"], first.json()["messageObject"]);
    }
}
