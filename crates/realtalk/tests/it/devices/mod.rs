//! Users with several devices, and conversations whose members come and go: what each device knows
//! is what a fresh load shows, whatever was done and whatever crashed meanwhile.

mod actions;
mod actor;
mod device;
mod model;
mod moving;
mod outbox;
mod place;
mod receipts;
mod snapshot;
mod truth;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use self::{
    actor::{Actor, Setting},
    device::Device,
    snapshot::Snapshot,
    truth::Log,
};
use crate::{
    crash::crash,
    line::Way,
    person::Person,
    process::Pair,
    scale::{Scale, heavy},
};

pub(crate) use self::actor::Deeds;

const PAUSE: Duration = Duration::from_millis(60);

/// Before every event.
const BEGINNING: &str = "19700101000000.000000";

/// Nothing as a body.
const NOTHING: Value = Value::Null;

pub(crate) struct Cast {
    pub(crate) devices: Vec<Device>,
    setting: Arc<Setting>,
}

impl Cast {
    /// Alice with two devices, the others with one; two groups and a room.
    async fn assemble(pair: &Pair) -> Self {
        Self::assemble_at(&[pair.message.port()], &[pair.notification.port()]).await
    }

    /// The same where there are several services of each kind: everybody asks one for messages, and has streams
    /// at each in turn.
    pub(crate) async fn assemble_at(messages: &[u16], streams: &[u16]) -> Self {
        let everybody = ["alice", "bob", "carol", "dave"].map(str::to_owned).to_vec();
        let own = everybody.iter().zip(messages.iter().cycle());
        let people: Vec<_> = own.map(|(name, port)| Person::named(*port, name)).collect();
        for person in &people {
            // Whoever has said something is somebody.
            person.say("public", "hello", "hello").await;
        }
        let (alice, bob) = (&people[0], &people[1]);
        let groups = vec![
            alice.group("all", &["bob", "carol"], "all").await,
            alice.group("joined", &["bob", "dave"], "joined").await,
        ];
        let room = json!({"kind": "room", "id": "garden", "name": "Garden"});
        bob.must(Method::POST, "/conversations", room).await;
        for other in ["bob", "carol", "dave"] {
            alice.direct(other).await;
        }
        let setting = Arc::new(Setting {
            groups,
            room: "garden".to_owned(),
            guests: vec!["carol".to_owned(), "dave".to_owned()],
            everybody,
            stopped: AtomicBool::new(false),
        });
        let mut devices = Vec::new();
        let mut ports = streams.to_vec();
        for (name, way, person) in [
            ("alice's browser", Way::Sse, &people[0]),
            ("alice's phone", Way::WebSocket, &people[0]),
            ("bob's phone", Way::Sse, &people[1]),
            ("carol's browser", Way::Sse, &people[2]),
            ("dave's phone", Way::WebSocket, &people[3]),
        ] {
            devices.push(Device::start(name, way, person, &ports).await);
            ports.rotate_left(1);
        }
        Self { devices, setting }
    }

    pub(crate) fn act(&self, seed: u64) -> JoinSet<(String, Deeds)> {
        let mut acting = JoinSet::new();
        // Alice looks at her browser and talks into her phone.
        for (number, (looks, talks)) in [(0, 1), (2, 2), (3, 3), (4, 4)].into_iter().enumerate() {
            let (looks, talks) = (&self.devices[looks], &self.devices[talks]);
            let talks = (talks.way == Way::WebSocket).then_some(talks);
            let actor = Actor::new(looks, talks, &self.setting, seed ^ number as u64);
            let name = looks.person.name.clone();
            acting.spawn(async move { (name, actor.run(PAUSE).await) });
        }
        acting
    }

    /// What bob's phone goes through in a round.
    fn trouble(&self, random: &mut StdRng) {
        let bob = &self.devices[2];
        bob.set_offline(random.random_bool(0.6));
        if random.random_bool(0.1) {
            bob.forget();
        }
    }

    /// They do nothing more; returns what they have done.
    pub(crate) async fn stop(&self, acting: JoinSet<(String, Deeds)>) -> Vec<(String, Deeds)> {
        self.setting.stopped.store(true, Ordering::Relaxed);
        acting.join_all().await
    }

    /// Everybody comes back, and knows what there is to know.
    pub(crate) async fn settle(&self) {
        let alice = &self.devices[0].person;
        self.devices[2].set_offline(false);
        self.devices[1].sent().await;
        self.devices[4].sent().await;
        let end = alice.say("public", "the end", "end").await;
        for device in &self.devices {
            device.reach(end["id"].as_str().unwrap()).await;
            device.reconnect().await;
        }
        for device in &self.devices {
            device.agree("the end").await;
        }
    }

    pub(crate) async fn check(&self, acts: &[(String, Deeds)]) {
        let alice = &self.devices[0].person;
        let (whole, _) = Snapshot::load(alice).await;
        for (id, messages) in &whole.messages {
            truth::check_whole(id, messages).unwrap();
        }
        let log = Log::new(alice.sync(BEGINNING).await);
        let mut snapshots = vec![whole];
        for device in &self.devices {
            log.check(&device.name, &device.person.name, &device.state()).unwrap();
            snapshots.push(device.state().model.snapshot());
        }
        let room = alice.messages(&self.setting.room).await.unwrap();
        truth::check_whole(&self.setting.room, &room).unwrap();
        let messages = BTreeMap::from([(self.setting.room.clone(), room)]);
        snapshots.push(Snapshot { messages, ..Snapshot::default() });
        let stored = truth::stored(&snapshots);
        for (user, deeds) in acts {
            truth::check_deeds(user, deeds, &stored).unwrap();
        }
        for device in &self.devices {
            for ack in &device.state().acknowledged {
                let message = stored.get(ack["id"].as_str().unwrap());
                assert!(message.is_some(), "{}: {ack} is lost", device.name);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_know_what_a_fresh_load_shows_after_crashes_at_random_moments() {
    let _turn = heavy().await;
    let scale = Scale::read();
    let (seed, rounds) = (scale.seed("devices"), scale.rounds());
    let mut random = StdRng::seed_from_u64(seed);
    let mut pair = Pair::start(&[]).await;
    let cast = Cast::assemble(&pair).await;
    let alice = cast.devices[0].person.clone();
    let mut acting = cast.act(seed);
    for round in 1..=rounds {
        cast.trouble(&mut random);
        crash(&mut pair, &mut random).await;
        let key = format!("round-{round}");
        let mark = alice.say("public", &key, &key).await;
        // Those who are there have made good within the round whatever was lost.
        for device in [0, 1, 3, 4].map(|number| &cast.devices[number]) {
            device.reach(mark["id"].as_str().unwrap()).await;
        }
        if let Some(ended) = acting.try_join_next() {
            panic!("someone stopped acting: {:?}", ended.map(|(name, _)| name));
        }
        if round % 10 == 0 {
            eprintln!("devices: {round} of {rounds} rounds, message {}", mark["seq"]);
        }
    }
    let acts = cast.stop(acting).await;
    cast.settle().await;
    cast.check(&acts).await;
    let count: usize = acts.iter().map(|(_, deeds)| deeds.count).sum();
    let connects: usize = cast.devices.iter().map(|device| device.state().connects).sum();
    let resets: usize = cast.devices.iter().map(|device| device.state().resets).sum();
    let sent: usize = cast.devices.iter().map(|device| device.state().acknowledged.len()).sum();
    eprintln!(
        "devices: {rounds} rounds, {count} acts, {sent} messages over WebSockets, \
         {connects} connects, {resets} resets"
    );
    assert!(count >= rounds as usize && sent > 0, "there was no load");
}
