//! `snapshot + events == fresh snapshot`, for every kind of action in the API.

use reqwest::Method;
use serde_json::{Value, json};

use super::{NOTHING, device::Device, outbox::frame};
use crate::{line::Way, person::Person, process::Pair};

/// Four users and their devices, none of whom has been told anything yet.
struct Stage {
    _pair: Pair,
    alice: Person,
    bob: Person,
    carol: Person,
    dave: Person,
    devices: Vec<Device>,
}

impl Stage {
    async fn set() -> Self {
        let pair = Pair::start(&[("ADMIN_TOKEN", "the operator of the tests")]).await;
        let (messages, streams) = (pair.message.port(), pair.notification.port());
        let [alice, bob, carol, dave] =
            ["alice", "bob", "carol", "dave"].map(|name| Person::named(messages, name));
        for person in [&alice, &bob, &carol, &dave] {
            person.say("public", "hello", "hello").await;
        }
        let mut devices = Vec::new();
        for (name, way, person) in [
            ("alice's browser", Way::Sse, &alice),
            ("alice's phone", Way::WebSocket, &alice),
            ("bob's browser", Way::Sse, &bob),
            ("carol's phone", Way::WebSocket, &carol),
            ("dave's browser", Way::Sse, &dave),
        ] {
            devices.push(Device::start(name, way, person, &[streams]).await);
        }
        let stage = Self { _pair: pair, alice, bob, carol, dave, devices };
        stage.agree("the beginning").await;
        stage
    }

    /// Every device knows what a fresh load shows, by events alone.
    async fn agree(&self, after: &str) {
        for device in &self.devices {
            device.agree(after).await;
            assert_eq!(device.state().resets, 0, "{} was reset", device.name);
        }
    }

    /// Does something, and waits until all agree on what came of it.
    async fn act(&self, who: &Person, method: Method, path: &str, body: Value) -> Value {
        let answer = who.must(method.clone(), path, body.clone()).await;
        self.agree(&format!("{}: {method} {path} {body}", who.name)).await;
        answer
    }

    async fn post(&self, who: &Person, body: Value) -> String {
        let message = self.act(who, Method::POST, "/messages", body).await;
        message["id"].as_str().unwrap().to_owned()
    }

    /// All that can be done to a message, in one conversation.
    async fn discuss(&self, place: &str, one: &Person, other: &Person) {
        let said = |content: &str| json!({"conversation_id": place, "content": content});
        let first = self.post(one, said("first")).await;
        let mention = self.post(one, said(&format!("@{} look", other.name))).await;
        let reply = json!({"conversation_id": place, "content": "yes?", "reply_to": mention});
        let reply = self.post(other, reply).await;
        let (first, mention) = (format!("/messages/{first}"), format!("/messages/{mention}"));
        self.act(one, Method::PATCH, &first, json!({"content": "first, edited"})).await;
        let more = json!({"content": format!("for @{}", other.name)});
        self.act(one, Method::PATCH, &first, more).await;
        self.act(one, Method::PATCH, &mention, json!({"content": "for nobody"})).await;
        let thumb = format!("{first}/reactions/👍");
        self.act(other, Method::PUT, &thumb, NOTHING).await;
        self.act(one, Method::PUT, &thumb, NOTHING).await;
        self.act(one, Method::PUT, &format!("{first}/reactions/🎉"), NOTHING).await;
        self.act(other, Method::PUT, &thumb, NOTHING).await;
        self.act(other, Method::DELETE, &thumb, NOTHING).await;
        self.act(one, Method::DELETE, &thumb, NOTHING).await;
        let delivered = format!("/conversations/{place}/delivered");
        self.act(other, Method::POST, &delivered, json!({"seq": 1})).await;
        let read = format!("/conversations/{place}/read");
        self.act(other, Method::POST, &read, json!({"seq": 2})).await;
        let receipts = json!([{"conversation_id": place, "read": 1_000_000}]);
        self.act(one, Method::POST, "/receipts", json!({"receipts": receipts})).await;
        self.act(other, Method::POST, &format!("/conversations/{place}/typing"), NOTHING).await;
        self.act(one, Method::DELETE, &first, NOTHING).await;
        self.act(other, Method::DELETE, &format!("/messages/{reply}"), NOTHING).await;
        let posts = format!("/conversations/{place}/messages");
        self.act(other, Method::POST, &posts, json!({"content": "the last"})).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_tell_all_that_happens_in_the_public_room() {
    let stage = Stage::set().await;
    stage.discuss("public", &stage.alice, &stage.bob).await;
    let myself = "/conversations/public/members/bob";
    stage.act(&stage.bob, Method::DELETE, myself, NOTHING).await;
    stage.post(&stage.alice, json!({"content": "@bob where are you?"})).await;
    stage.act(&stage.bob, Method::PUT, myself, NOTHING).await;
    stage.post(&stage.alice, json!({"content": "@bob there you are"})).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_tell_all_that_happens_in_a_direct_conversation() {
    let stage = Stage::set().await;
    let (alice, bob, carol) = (&stage.alice, &stage.bob, &stage.carol);
    let pair = json!({"user": "alice", "recipient": "bob"});
    let direct = stage.act(alice, Method::POST, "/conversations/resolve", pair).await;
    assert_eq!(direct["id"], "dm:alice:bob");
    stage.discuss("dm:alice:bob", alice, bob).await;
    // A private message makes the conversation that it needs.
    stage.post(bob, json!({"recipient": "carol", "content": "psst @carol"})).await;
    stage.post(carol, json!({"recipient": "bob", "content": "what?"})).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_tell_all_that_happens_in_a_room() {
    let stage = Stage::set().await;
    let (alice, bob) = (&stage.alice, &stage.bob);
    let room = json!({"kind": "room", "id": "garden", "name": "Garden"});
    stage.act(alice, Method::POST, "/conversations", room).await;
    stage.act(bob, Method::PUT, "/conversations/garden/members/bob", NOTHING).await;
    stage.discuss("garden", alice, bob).await;
    stage.act(alice, Method::PATCH, "/conversations/garden", json!({"name": "Roses"})).await;
    let (bobs, carols) =
        ("/conversations/garden/members/bob", "/conversations/garden/members/carol");
    stage.act(&stage.carol, Method::PUT, carols, NOTHING).await;
    stage.act(alice, Method::PUT, bobs, json!({"role": "owner"})).await;
    stage.act(bob, Method::DELETE, carols, NOTHING).await;
    stage.act(alice, Method::DELETE, "/conversations/garden/members/alice", NOTHING).await;
    stage.act(alice, Method::PUT, "/conversations/garden/members/alice", NOTHING).await;
    // The last owner goes, and somebody becomes one.
    stage.act(bob, Method::DELETE, bobs, NOTHING).await;
}

/// What happens in a group, by the rule for what was said before someone came.
async fn group(history: &str) {
    let stage = Stage::set().await;
    let (alice, bob, carol) = (&stage.alice, &stage.bob, &stage.carol);
    let group = json!({"kind": "group", "name": "Us", "members": ["bob"], "history": history});
    let made = stage.act(alice, Method::POST, "/conversations", group).await;
    let id = made["id"].as_str().unwrap();
    let group = format!("/conversations/{id}");
    let member = |name: &str| format!("{group}/members/{name}");
    stage.discuss(id, alice, bob).await;
    let before = json!({"conversation_id": id, "content": "before carol came"});
    let before = format!("/messages/{}", stage.post(alice, before).await);
    stage.act(alice, Method::PUT, &member("carol"), NOTHING).await;
    // What she may not see stays so, whatever is done to it.
    stage.act(alice, Method::PATCH, &before, json!({"content": "edited since she came"})).await;
    stage.act(bob, Method::PUT, &format!("{before}/reactions/👍"), NOTHING).await;
    stage.act(alice, Method::DELETE, &before, NOTHING).await;
    stage.discuss(id, carol, alice).await;
    stage.act(alice, Method::PATCH, &group, json!({"name": "All of us"})).await;
    stage.act(alice, Method::PUT, &member("bob"), json!({"role": "owner"})).await;
    stage.act(bob, Method::DELETE, &member("carol"), NOTHING).await;
    stage.post(bob, json!({"conversation_id": id, "content": "while carol is away"})).await;
    stage.act(alice, Method::PUT, &member("carol"), NOTHING).await;
    stage.act(alice, Method::PUT, &member("dave"), json!({"role": "owner"})).await;
    for history in ["joined", "all", "joined"] {
        stage.act(bob, Method::PATCH, &group, json!({"history": history})).await;
    }
    stage.act(alice, Method::PUT, &member("bob"), json!({"role": "member"})).await;
    stage.act(&stage.dave, Method::DELETE, &member("dave"), NOTHING).await;
    // The last owner goes, and who has been there longest becomes one.
    stage.act(alice, Method::DELETE, &member("alice"), NOTHING).await;
    stage.discuss(id, bob, carol).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_tell_all_that_happens_in_a_group() {
    group("all").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_tell_all_that_happens_in_a_group_without_a_past() {
    group("joined").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ack_and_events_tell_all_that_is_done_over_a_websocket() {
    let stage = Stage::set().await;
    let phone = &stage.devices[1];
    stage.alice.direct("bob").await;
    let id = stage.alice.group("Us", &["bob", "carol"], "all").await;
    stage.agree("the conversations").await;
    for place in ["public", "dm:alice:bob", &id] {
        phone.outgoing().send(frame(place, "from my phone", place)).unwrap();
        phone
            .wait("has sent", |state| {
                state.acknowledged.iter().any(|ack| ack["client_msg_id"] == place)
            })
            .await;
        stage.agree(&format!("a message to {place} over a WebSocket")).await;
        let read = json!({"type": "read", "conversation_id": place, "seq": 1_000_000});
        phone.outgoing().send(read).unwrap();
        stage.agree(&format!("reading {place} over a WebSocket")).await;
    }
}
