//! Private chat over WebSocket: names in the handshake, messages to all and to one, what was
//! delivered and what waits, and tokens.

use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    api::{Api, sign_up, text},
    deadline::until,
    process::Pair,
    socket::Socket,
};

async fn join(pair: &Pair, name: &str) -> Socket {
    Socket::ready(pair.notification.port(), &format!("/ws?username={name}&history=0")).await
}

/// The `content` of a user's messages that wait for them.
async fn waiting(api: &Api, name: &str) -> Vec<String> {
    api.contents(&format!("/messages?undelivered=true&user={name}")).await
}

#[tokio::test]
async fn a_message_goes_to_the_others_and_its_sender_gets_an_acknowledgement() {
    let pair = Pair::start(&[]).await;
    let (mut alice, mut bob) = (join(&pair, "alice").await, join(&pair, "bob").await);
    let mut carol = join(&pair, "carol").await;
    let said = json!({"type": "message", "content": "hello", "client_msg_id": "m1"});
    let ack = alice.say(said).await;
    assert_eq!(ack["client_msg_id"], "m1");
    for other in [&mut bob, &mut carol] {
        let message = other.find("message").await;
        assert_eq!((&message["user"], &message["content"]), (&json!("alice"), &json!("hello")));
        assert_eq!((&message["id"], &message["seq"]), (&ack["id"], &ack["seq"]));
    }
    // Her own is not told to her: the next that she hears is somebody else's.
    bob.say(json!({"type": "message", "content": "hello yourself"})).await;
    assert_eq!(alice.hear().await, "hello yourself");
    // Her other connections do get it.
    let mut phone = join(&pair, "alice").await;
    alice.say(json!({"type": "message", "content": "to my phone, too"})).await;
    assert_eq!(phone.hear().await, "to my phone, too");
}

#[tokio::test]
async fn a_name_may_come_in_the_first_frame_instead() {
    let pair = Pair::start(&[]).await;
    let api = Api::of(&pair.message);
    api.post("/messages", json!({"user": "alice", "recipient": "Erin", "content": "waits"})).await;
    let mut erin = Socket::ready(pair.notification.port(), "/ws?history=0").await;
    erin.send(json!({"username": "erin"})).await;
    erin.find("ready").await;
    assert_eq!(erin.hear().await, "waits");
    let ack = erin.say(json!({"type": "message", "content": "here I am"})).await;
    assert_eq!(ack["user"], "Erin");
    let online = || async {
        let (_, body) = pair.notification.get("/presence?users=erin").await?;
        body.contains("\"Erin\"").then_some(())
    };
    until("Erin is online", online).await;
    // Once is enough, and a name that belongs to somebody is not given away.
    erin.send(json!({"username": "frank"})).await;
    assert_eq!(erin.next_error().await["code"], "already_identified");
    sign_up(&api, "gina").await;
    let mut thief = Socket::ready(pair.notification.port(), "/ws?history=0").await;
    thief.send(json!({"username": "GINA"})).await;
    assert_eq!(thief.next_error().await["code"], "name_registered");
}

#[tokio::test]
async fn a_private_message_is_for_its_recipient_only() {
    let pair = Pair::start(&[]).await;
    let (mut alice, mut bob) = (join(&pair, "alice").await, join(&pair, "bob").await);
    let (mut carol, mut nobody) =
        (join(&pair, "carol").await, Socket::ready(pair.notification.port(), "/ws").await);
    let whisper = json!({"type": "message", "content": "psst", "recipient": "bob"});
    let ack = alice.say(whisper).await;
    let message = bob.find("message").await;
    assert_eq!((&message["id"], &message["content"]), (&ack["id"], &json!("psst")));
    assert_eq!((&message["user"], &message["recipient"]), (&json!("alice"), &json!("bob")));
    alice.say(json!({"type": "message", "content": "for all"})).await;
    for other in [&mut bob, &mut carol, &mut nobody] {
        assert_eq!(other.hear().await, "for all");
    }
    let api = Api::of(&pair.message);
    for (user, other) in [("alice", "bob"), ("bob", "alice")] {
        let target = format!("/messages?user={user}&recipient={other}");
        assert_eq!(api.contents(&target).await, ["psst"]);
    }
    let foreign = api.get("/messages?user=carol&conversation_id=dm:alice:bob").await;
    assert_eq!(foreign.refusal(404), "conversation_not_found");
}

async fn online(api: &Api, query: &str) -> Vec<String> {
    let present = api.get(&format!("/presence{query}")).await.expect(200);
    let mut names: Vec<String> = serde_json::from_value(present["online_users"].clone()).unwrap();
    names.sort_unstable();
    assert_eq!(present["online_count"], names.len(), "{present}");
    names
}

#[tokio::test]
async fn those_who_are_connected_are_online() {
    let pair = Pair::start(&[]).await;
    let api = Api::of(&pair.notification);
    assert_eq!(online(&api, "").await, Vec::<String>::new());
    let (_alice, bob) = (join(&pair, "alice").await, join(&pair, "Bob").await);
    until("both are online", async || (online(&api, "").await == ["Bob", "alice"]).then_some(()))
        .await;
    assert_eq!(online(&api, "?users=bob,carol").await, ["Bob"]);
    let bobs = join(&pair, "bob").await;
    bob.close().await;
    // Another connection of his lives.
    assert_eq!(online(&api, "?users=bob").await, ["Bob"]);
    bobs.close().await;
    until("he is offline", async || (online(&api, "").await == ["alice"]).then_some(())).await;
}

/// Listens on, which answers pings.
async fn hears_no_message(socket: &mut Socket) {
    loop {
        let frame = socket.next().await.expect("it goes on");
        assert_ne!(frame["type"], "message", "{frame}");
    }
}

#[tokio::test]
async fn what_waits_is_delivered_on_connecting_in_order_until_it_is_there() {
    let mut pair = Pair::start(&[("WS_PING_SECS", "3600")]).await;
    let api = Api::of(&pair.message);
    let texts: Vec<_> = (1..=5).map(|n| format!("message {n}")).collect();
    for (number, text) in texts.iter().enumerate() {
        let sender = ["alice", "carol"][number % 2];
        api.whisper(sender, "bob", text).await;
    }
    assert_eq!(waiting(&api, "bob").await, texts);
    let of_alice = "/messages?user=alice&recipient=bob";
    let status = async |index: usize| api.get(of_alice).await.json()[index]["status"].clone();
    assert_eq!(status(0).await, "sent");
    let mut bob =
        Socket::open(pair.notification.port(), "/ws?username=bob&history=0", None).await.unwrap();
    for text in &texts {
        assert_eq!(&bob.hear().await, text);
    }
    // Who leaves before a ping gets them again; who stays, and answers one, has them.
    bob.close().await;
    // One that ends in an orderly way reports whatever it has noted.
    pair.notification.signal(Signal::TERM);
    pair.notification.exit().await;
    pair.notification.set("WS_PING_SECS", 1);
    pair.notification.spawn();
    pair.notification.wait_ready().await;
    let mut bob =
        Socket::open(pair.notification.port(), "/ws?username=bob&history=0", None).await.unwrap();
    for text in &texts {
        assert_eq!(&bob.hear().await, text);
    }
    let delivered = async || waiting(&api, "bob").await.is_empty().then_some(());
    tokio::select! {
        () = until("all is delivered", delivered) => {}
        () = hears_no_message(&mut bob) => {}
    }
    assert_eq!(status(2).await, "delivered");
    bob.close().await;
    api.whisper("alice", "bob", "while away").await;
    let mut bob =
        Socket::open(pair.notification.port(), "/ws?username=bob&history=0", None).await.unwrap();
    // Once: nothing of before comes again.
    assert_eq!(bob.hear().await, "while away");
    api.whisper("alice", "bob", "live").await;
    assert_eq!(bob.hear().await, "live");
}

#[tokio::test]
async fn a_recipient_says_that_a_message_was_read() {
    let pair = Pair::start(&[]).await;
    let api = Api::of(&pair.message);
    let mut bob = join(&pair, "bob").await;
    let message = api.whisper("alice", "bob", "read me").await;
    bob.find("message").await;
    bob.send(json!({"type": "read", "conversation_id": "dm:alice:bob", "seq": message["seq"]}))
        .await;
    until("it is read", async || {
        let list = api.get("/messages?user=alice&recipient=bob").await.json();
        (list[0]["status"] == "read").then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_handshake_takes_good_tokens_only() {
    let pair = Pair::start(&[("AUTH_MODE", "required")]).await;
    let (api, port) = (Api::of(&pair.message), pair.notification.port());
    let (alice, bob) = (sign_up(&api, "alice").await, sign_up(&api, "bob").await);
    let altered = format!("{}x", &alice[..alice.len() - 1]);
    for (target, token) in [
        ("/ws", None),
        ("/ws?username=alice", None),
        ("/ws?ticket=none", None),
        ("/ws", Some("nonsense")),
        ("/ws", Some(altered.as_str())),
    ] {
        let refused = Socket::open(port, target, token).await.err();
        let refused = refused.unwrap_or_else(|| panic!("{target} with {token:?} is granted"));
        assert_eq!(refused.status, 401, "{target} with {token:?}: {}", refused.body);
    }
    let mut socket = Socket::open(port, "/ws?history=0", Some(&bob)).await.unwrap();
    socket.find("ready").await;
    // A ticket is as good, once.
    let ticket = api.with(&alice).post("/tickets", json!({})).await.expect(201);
    let target = format!("/ws?history=0&ticket={}", text(&ticket["ticket"]));
    let mut of_alice = Socket::open(port, &target, None).await.unwrap();
    of_alice.find("ready").await;
    assert_eq!(Socket::open(port, &target, None).await.err().unwrap().status, 401);
    // They are who their tokens say, whatever they write.
    socket.say(json!({"type": "message", "content": "psst", "recipient": "alice"})).await;
    let message = of_alice.find("message").await;
    assert_eq!((&message["user"], &message["content"]), (&json!("bob"), &json!("psst")));
    socket.send(json!({"type": "message", "content": "I am alice", "user": "alice"})).await;
    let error = loop {
        let frame = socket.next().await.unwrap();
        if frame["type"] == "error" {
            break frame;
        }
        assert_ne!(frame["type"], "ack", "{frame}");
    };
    assert_eq!((&error["status"], &error["code"]), (&json!(403), &json!("not_you")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_clients_hear_all_that_four_of_them_say() {
    const SAID: usize = 20;
    let pair = Pair::start(&[]).await;
    let mut clients = Vec::new();
    for number in 0..50 {
        clients.push(join(&pair, &format!("client{number}")).await);
    }
    let mut tasks = JoinSet::new();
    for (number, mut client) in clients.into_iter().enumerate() {
        tasks.spawn(async move {
            let mine = if number < 4 { SAID / 4 } else { 0 };
            for said in 0..mine {
                let frame = json!({"type": "message", "content": format!("{number} {said}")});
                client.send(frame).await;
            }
            let (mut seqs, mut acks) = (Vec::new(), 0);
            while seqs.len() + acks < SAID {
                let frame: Value = client.next().await.unwrap();
                match text(&frame["type"]) {
                    "message" => seqs.push(frame["seq"].as_u64().unwrap()),
                    "ack" => acks += 1,
                    "error" => panic!("{frame}"),
                    _ => {}
                }
            }
            assert_eq!(acks, mine, "each client is told once of what it said");
            seqs
        });
    }
    for seqs in tasks.join_all().await {
        assert!(seqs.is_sorted_by(|a, b| a < b), "{seqs:?}");
        if seqs.len() == SAID {
            assert_eq!(seqs, (1..=SAID as u64).collect::<Vec<_>>());
        }
    }
}
