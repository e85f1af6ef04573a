//! A list and the events after its cursor make the list that would be loaded afresh.

use std::collections::{BTreeMap, HashSet};

use common::{Audience, EventId, event::LogPage};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde::Deserialize;
use serde_json::{Value, json};

use super::text;
use crate::app::App;

const NAMES: [&str; 4] = ["al", "bo", "cy", "dan"];

/// Which run to repeat.
#[derive(Deserialize)]
struct Again {
    realtalk_seed: Option<u64>,
}

/// What a client knows: its conversations, and the messages in them.
#[derive(Debug, Default, PartialEq)]
struct Client {
    cursor: EventId,
    conversations: BTreeMap<String, Known>,
}

#[derive(Debug, PartialEq)]
struct Known {
    /// Events up to this one are in it.
    cursor: EventId,
    card: Value,
    read_seq: u64,
    members: BTreeMap<String, String>,
    messages: BTreeMap<u64, Value>,
}

/// Loads everything, the list first.
async fn load(app: &App, me: &str) -> Client {
    let answer = app.someone(me).get("/conversations").await;
    let cursor = answer.header("x-event-cursor").unwrap().parse().unwrap();
    let mut client = Client { cursor, ..Client::default() };
    for conversation in answer.json().as_array().unwrap() {
        let id = text(&conversation["id"]);
        if conversation["joined"] == json!(true) {
            client.conversations.insert(id.clone(), load_one(app, me, &id).await);
        }
    }
    client
}

async fn load_one(app: &App, me: &str, id: &str) -> Known {
    let me = app.someone(me);
    let answer = me.get(&format!("/conversations/{id}")).await;
    let cursor = answer.header("x-event-cursor").unwrap().parse().unwrap();
    let card = answer.json();
    let messages = me.get(&format!("/conversations/{id}/messages?limit=200")).await.json();
    let messages = messages.as_array().unwrap().iter();
    let members = card.get("members").and_then(Value::as_array).cloned().unwrap_or_default();
    Known {
        cursor,
        read_seq: card["read_seq"].as_u64().unwrap(),
        members: members.iter().map(|it| (text(&it["user"]), text(&it["role"]))).collect(),
        messages: messages.map(|it| (it["seq"].as_u64().unwrap(), plain(it))).collect(),
        card,
    }
}

/// A message without what others' markers say of it, which no event tells.
fn plain(message: &Value) -> Value {
    let mut message = message.clone();
    message.as_object_mut().unwrap().remove("status");
    message
}

impl Client {
    /// What a durable event changes. Who hears of a conversation for the first time looks at it.
    async fn apply(&mut self, app: &App, me: &str, event: &Value) {
        let at: EventId = text(&event["id"]).parse().unwrap();
        let id = text(&event["conversation_id"]);
        let (kind, action) = (text(&event["type"]), event["action"].as_str().unwrap_or_default());
        let about_me = event["user"] == json!(me);
        match (kind.as_str(), action) {
            ("conversation", "created" | "joined") => {
                // It may be lost again by now; the event that says so follows.
                let answer = app.someone(me).get(&format!("/conversations/{id}")).await;
                if answer.status == 200 && answer.json()["joined"] == json!(true) {
                    self.conversations.insert(id.clone(), load_one(app, me, &id).await);
                }
                return;
            }
            ("conversation", "left") => {
                self.forget(&id, at);
                return;
            }
            ("member", "left") if about_me => {
                self.forget(&id, at);
                return;
            }
            _ => {}
        }
        let Some(known) = self.conversations.get_mut(&id) else {
            return;
        };
        if at <= known.cursor {
            return;
        }
        match kind.as_str() {
            "message" => {
                known.messages.insert(event["seq"].as_u64().unwrap(), plain(event));
                known.card["last_seq"] = event["seq"].clone();
            }
            "message_updated" | "message_deleted" => {
                let message = &event["message"];
                known.messages.insert(message["seq"].as_u64().unwrap(), plain(message));
            }
            "reaction" => {
                let about = |it: &&mut Value| it["id"] == event["message_id"];
                let message = known.messages.values_mut().find(about).unwrap();
                let message = message.as_object_mut().unwrap();
                message.remove("reactions");
                if event["reactions"] != json!([]) {
                    message.insert("reactions".to_owned(), event["reactions"].clone());
                }
            }
            "conversation" => {
                for field in ["name", "history"] {
                    known.card[field] = event["conversation"][field].clone();
                }
            }
            "member" if action == "left" => {
                known.members.remove(&text(&event["user"]));
            }
            "member" => {
                if about_me {
                    known.card["role"] = event["role"].clone();
                }
                // Of rooms, no list names the members.
                if id.starts_with("g-") {
                    known.members.insert(text(&event["user"]), text(&event["role"]));
                }
            }
            other => panic!("what is {other}?"),
        }
    }

    /// Unless it has been loaded since.
    fn forget(&mut self, id: &str, at: EventId) {
        if self.conversations.get(id).is_some_and(|known| known.cursor < at) {
            self.conversations.remove(id);
        }
    }

    /// What the list shows of each, as far as events tell it.
    fn shown(&self, me: &str) -> BTreeMap<String, Value> {
        let conversations = self.conversations.iter();
        conversations.map(|(id, known)| (id.clone(), known.shown(me))).collect()
    }
}

impl Known {
    fn shown(&self, me: &str) -> Value {
        let unread = || {
            self.messages
                .range(self.read_seq + 1..)
                .map(|(_, message)| message)
                .filter(|message| message["user"] != json!(me) && message.get("deleted").is_none())
        };
        let mentions = unread()
            .filter(|it| {
                it.get("mentions")
                    .is_some_and(|names| names.as_array().unwrap().contains(&json!(me)))
            })
            .count();
        json!({
            "name": self.card.get("name"), "history": self.card.get("history"),
            "role": self.card["role"], "last_seq": self.card["last_seq"],
            "members": self.members, "unread": unread().count(), "mentions": mentions,
            "last_message": self.messages.values().next_back(),
        })
    }
}

/// The same of a list as it was answered.
async fn fresh(app: &App, me: &str) -> BTreeMap<String, Value> {
    let list = app.someone(me).list("").await;
    let mine = list.into_iter().filter(|it| it["joined"] == json!(true));
    mine.map(|it| {
        let members = it.get("members").and_then(Value::as_array).cloned().unwrap_or_default();
        let members: BTreeMap<_, _> =
            members.iter().map(|it| (text(&it["user"]), text(&it["role"]))).collect();
        let shown = json!({
            "name": it.get("name"), "history": it.get("history"), "role": it["role"],
            "last_seq": it["last_seq"], "members": members, "unread": it["unread"],
            "mentions": it["mentions"], "last_message": it.get("last_message").map(plain),
        });
        (text(&it["id"]), shown)
    })
    .collect()
}

/// Does something at random. Most of it may be refused; that is part of it.
async fn act(app: &App, rng: &mut StdRng, places: &mut Vec<String>) {
    let (who, whom) = (*NAMES.choose(rng).unwrap(), *NAMES.choose(rng).unwrap());
    let me = app.someone(who);
    let place = places.choose(rng).unwrap().clone();
    let path = format!("/conversations/{place}");
    let said = me.get(&format!("{path}/messages?limit=20")).await;
    let said: Vec<Value> = serde_json::from_value(said.json()).unwrap_or_default();
    let message = said.choose(rng).map(|it| format!("/messages/{}", text(&it["id"])));
    let member = format!("{path}/members/{whom}");
    match rng.random_range(0..16) {
        0..=4 => {
            let content = ["hi", "hey @al", "@bo @cy", "look, @dan!"].choose(rng).unwrap();
            me.post(&format!("{path}/messages"), json!({"content": content})).await;
        }
        5 => {
            let body = json!({
                "kind": "group", "name": "G", "members": [whom],
                "history": if rng.random() { "all" } else { "joined" },
            });
            places.push(text(&me.post("/conversations", body).await.json()["id"]));
        }
        6 if who != whom => places.push(me.direct(whom).await),
        7 | 8 => {
            me.put(&member, None).await;
        }
        9 => {
            me.put(&member, Some(json!({"role": "owner"}))).await;
        }
        10 => {
            me.delete(&member).await;
        }
        11 => {
            me.patch(&path, json!({"name": rng.random::<u16>().to_string()})).await;
        }
        12 | 13 => {
            let Some(message) = message else { return };
            let content = ["changed", "now @al and @bo"].choose(rng).unwrap();
            me.patch(&message, json!({"content": content})).await;
        }
        14 => {
            let Some(message) = message else { return };
            me.delete(&message).await;
        }
        _ => {
            let Some(message) = message else { return };
            let reaction = format!("{message}/reactions/%F0%9F%91%8D");
            if rng.random_ratio(1, 3) {
                me.delete(&reaction).await;
            } else {
                me.put(&reaction, None).await;
            }
        }
    }
}

#[tokio::test]
async fn a_list_and_what_follows_its_cursor_is_the_list_loaded_afresh() {
    let again = envy::from_env::<Again>().unwrap();
    let seed = again.realtalk_seed.unwrap_or_else(rand::random);
    let mut rng = StdRng::seed_from_u64(seed);
    let app = App::with(&[("DURABILITY", "relaxed")]);
    for name in NAMES {
        app.someone(name).say("public", "here I am").await;
    }
    app.someone("al").post("/conversations", json!({"kind": "room", "id": "hall"})).await;
    let mut places = vec!["public".to_owned(), "hall".to_owned()];
    for round in 0..4 {
        for _ in 0..20 {
            act(&app, &mut rng, &mut places).await;
        }
        for name in NAMES {
            let place = places.choose(&mut rng).unwrap();
            let body = json!({"seq": rng.random_range(0..20)});
            app.someone(name).post(&format!("/conversations/{place}/read"), body).await;
        }
        app.someone("al").say("public", "a new round").await;
        let mut clients = Vec::new();
        for name in NAMES {
            clients.push((name, load(&app, name).await));
        }
        for (name, client) in &clients {
            assert_eq!(
                client.shown(name),
                fresh(&app, name).await,
                "{name}, round {round}, REALTALK_SEED={seed}"
            );
        }
        for _ in 0..30 {
            act(&app, &mut rng, &mut places).await;
        }
        for (name, mut client) in clients {
            let after = client.cursor;
            let answer = app.get_signed(&format!("/internal/events?after={after}")).await;
            let page: LogPage = serde_json::from_slice(&answer.body).unwrap();
            assert!(!page.batch.events.is_empty());
            for event in page.batch.resolve(|_| None).unwrap().events {
                let rooms: HashSet<_> = ["public", "hall"].map(str::to_owned).into();
                let session = *event.audience == Audience::Users(Vec::new());
                if !session && event.audience.admits(&rooms, Some(name)) {
                    let data: Value = serde_json::from_str(event.data.get()).unwrap();
                    client.apply(&app, name, &data).await;
                }
            }
            assert_eq!(
                client.shown(name),
                fresh(&app, name).await,
                "{name}, round {round}, REALTALK_SEED={seed}"
            );
        }
    }
}
