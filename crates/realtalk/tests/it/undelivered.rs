//! What was said to someone who was away, and what has reached them.

use rand::{RngExt, SeedableRng, rngs::StdRng};
use reqwest::Method;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    crash::crash,
    line::{Address, Line, Way},
    person::Person,
    process::Pair,
    scale::{Scale, heavy},
};

/// Alice, who talks to bob where others may listen, too.
struct Talk {
    pair: Pair,
    alice: Person,
    bob: Person,
    group: String,
    /// Ids of what was said so far, in order.
    said: Vec<String>,
    marks: usize,
}

impl Talk {
    async fn start() -> Self {
        Self::beating("1").await
    }

    /// With so many seconds between two heartbeats, or pings.
    async fn beating(secs: &str) -> Self {
        let pair = Pair::start(&[("HEARTBEAT_SECS", secs), ("WS_PING_SECS", secs)]).await;
        let [alice, bob] = ["alice", "bob"].map(|name| Person::named(pair.message.port(), name));
        alice.direct("bob").await;
        let group = alice.group("Us", &["bob", "carol"], "all").await;
        Self { pair, alice, bob, group, said: Vec::new(), marks: 0 }
    }

    /// Says something to bob alone, or to him among others, or where it need not reach anybody.
    async fn say(&mut self, random: &mut StdRng) {
        let key = format!("message-{}", self.said.len());
        let message = match random.random_range(0..4) {
            0 => self.alice.say(&self.group, &key, &key).await,
            1 => {
                self.alice.say("public", "to everybody", &format!("not-{key}")).await;
                self.alice.say("dm:alice:bob", &key, &key).await
            }
            _ => self.alice.say("dm:alice:bob", &key, &key).await,
        };
        self.said.push(id(&message));
    }

    fn address(&self, way: Way) -> Address {
        Address::of(way, self.pair.notification.port(), "bob")
    }

    /// What bob gets when he connects and says nothing of what he has.
    async fn connect(&mut self, address: &Address) -> Vec<String> {
        self.listen(address).await.1
    }

    /// The same, and the line over which it came.
    async fn listen(&mut self, address: &Address) -> (Line, Vec<String>) {
        let (mut line, mut before) = address.ready().await;
        before.extend(self.heard(&mut line).await);
        (line, private(&before))
    }

    /// All that comes over a line until nothing can be on its way any more: it is in order, and the
    /// last of it is said now, to everybody.
    async fn heard(&mut self, line: &mut Line) -> Vec<Value> {
        self.marks += 1;
        let mark = format!("mark-{}", self.marks);
        let mark = self.alice.say("public", &mark, &mark).await;
        line.messages_until(&mark).await
    }

    /// Listens on until all is known to have come.
    async fn delivered(&self, line: &mut Line) {
        let listen = async {
            loop {
                let event = line.next().await.unwrap();
                assert_ne!(event["type"], "message", "{event}");
            }
        };
        tokio::select! {
            () = self.bob.wait_undelivered(0) => {}
            () = listen => {}
        }
    }
}

/// The messages that are not for everybody.
fn private(events: &[Value]) -> Vec<String> {
    let messages = events.iter().filter(|event| event["type"] == "message");
    messages.filter(|message| message["conversation_id"] != "public").map(id).collect()
}

fn id(message: &Value) -> String {
    message["id"].as_str().unwrap().to_owned()
}

/// Bob comes and goes, and so do the services.
async fn come_and_go(way: Way) {
    let _turn = heavy().await;
    let scale = Scale::read();
    let seed = scale.seed("undelivered");
    let mut random = StdRng::seed_from_u64(seed);
    let mut talk = Talk::start().await;
    let mut known = 0;
    for round in 0..scale.rounds() {
        for _ in 0..random.random_range(1..8) {
            talk.say(&mut random).await;
        }
        crash(&mut talk.pair, &mut random).await;
        for _ in 0..random.random_range(0..3) {
            talk.say(&mut random).await;
        }
        let undelivered = talk.said.len() - known;
        talk.bob.wait_undelivered(undelivered).await;
        // Who would say what they have, and does not, gets it again. Of others a ping may find it out at any moment.
        let mut silent = talk.address(Way::Sse);
        silent.query += "&acks=true";
        let came = talk.connect(&silent).await;
        assert_eq!(came, talk.said[known..], "round {round}");
        let address = talk.address(way);
        let (mut line, came) = talk.listen(&address).await;
        assert_eq!(came, talk.said[known..], "round {round}");
        talk.delivered(&mut line).await;
        drop(line);
        known = talk.said.len();
        // What has reached him does not come again, even if all forget.
        crash(&mut talk.pair, &mut random).await;
        assert_eq!(talk.connect(&address).await, [""; 0], "round {round}");
    }
    talk.say(&mut random).await;
    let address = talk.address(way);
    assert_eq!(talk.connect(&address).await, talk.said[known..]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_missed_arrives_once_and_in_order_across_crashes() {
    come_and_go(Way::Sse).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_missed_arrives_once_and_in_order_over_a_websocket_across_crashes() {
    come_and_go(Way::WebSocket).await;
}

#[tokio::test]
async fn a_client_that_acknowledges_gets_again_what_it_has_not_acknowledged() {
    let mut random = StdRng::seed_from_u64(0);
    let mut talk = Talk::start().await;
    for _ in 0..5 {
        talk.say(&mut random).await;
    }
    let mut address = talk.address(Way::Sse);
    address.query += "&acks=true";
    for _ in 0..2 {
        assert_eq!(talk.connect(&address).await, talk.said);
    }
    let last = talk.bob.get(&format!("/messages/{}", talk.said[4])).await.body;
    let seq = json!({"seq": last["seq"]});
    let place = last["conversation_id"].as_str().unwrap();
    talk.bob.must(Method::POST, &format!("/conversations/{place}/delivered"), seq).await;
    let mut left = Vec::new();
    for id in &talk.said {
        let message = talk.bob.get(&format!("/messages/{id}")).await.body;
        if message["conversation_id"] != place {
            left.push(id.clone());
        }
    }
    assert_eq!(talk.connect(&address).await, left);
    // Coming back with a cursor says that everything up to it is there.
    address.cursor = talk.said.last().cloned();
    assert_eq!(talk.connect(&address).await, [""; 0]);
    talk.bob.wait_undelivered(0).await;
    address.cursor = None;
    assert_eq!(talk.connect(&address).await, [""; 0]);
}

#[tokio::test]
async fn who_leaves_before_a_heartbeat_gets_it_again() {
    let mut random = StdRng::seed_from_u64(2);
    for way in [Way::Sse, Way::WebSocket] {
        let mut talk = Talk::beating("3600").await;
        for _ in 0..5 {
            talk.say(&mut random).await;
        }
        let address = talk.address(way);
        for _ in 0..2 {
            assert_eq!(talk.connect(&address).await, talk.said);
            // One that ends in an orderly way reports whatever it has noted.
            talk.pair.notification.signal(Signal::TERM);
            talk.pair.notification.exit().await;
            talk.pair.notification.spawn();
            talk.pair.wait_ready().await;
        }
        assert_eq!(talk.connect(&address).await, talk.said);
    }
}

#[tokio::test]
async fn what_a_live_stream_has_carried_for_a_while_is_delivered() {
    let mut random = StdRng::seed_from_u64(1);
    for way in [Way::Sse, Way::WebSocket] {
        let mut talk = Talk::start().await;
        let address = talk.address(way);
        let (mut line, before) = address.ready().await;
        assert!(before.is_empty(), "{before:?}");
        for _ in 0..5 {
            talk.say(&mut random).await;
        }
        let live = talk.heard(&mut line).await;
        assert_eq!(private(&live), talk.said);
        talk.delivered(&mut line).await;
        let message = talk.alice.get(&format!("/messages/{}", talk.said[4])).await.body;
        let alone = message["conversation_id"] == "dm:alice:bob";
        // Carol has not been there.
        assert_eq!(message["status"], if alone { "delivered" } else { "sent" });
        drop(line);
        assert_eq!(talk.connect(&address).await, [""; 0]);
    }
}
