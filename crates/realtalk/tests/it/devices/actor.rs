//! [`Actor`]: a user who does all kinds of things, at random.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::sleep};

use super::{
    device::{Device, View},
    outbox::frame,
};
use crate::person::Person;

const EMOJI: [&str; 3] = ["👍", "🎉", "❤️"];

/// A user, with the device that they look at.
pub(crate) struct Actor {
    person: Person,
    view: View,
    /// Where they send over a WebSocket, if they do.
    outgoing: Option<mpsc::UnboundedSender<Value>>,
    setting: Arc<Setting>,
    random: StdRng,
    done: Deeds,
    number: u64,
}

/// Where everything happens.
pub(crate) struct Setting {
    /// The first group is `alice`'s, who never leaves; so are the others.
    pub(crate) groups: Vec<String>,
    pub(crate) room: String,
    /// Members who come and go.
    pub(crate) guests: Vec<String>,
    pub(crate) everybody: Vec<String>,
    pub(crate) stopped: AtomicBool,
}

/// What was acknowledged.
#[derive(Debug, Default)]
pub(crate) struct Deeds {
    /// What the user's own messages must say in the end, by id; nothing if they are deleted.
    pub(crate) said: HashMap<String, Option<String>>,
    /// Whether the user must be among those who react, by message and emoji.
    pub(crate) reactions: HashMap<(String, String), bool>,
    pub(crate) count: usize,
}

impl Actor {
    pub(crate) fn new(
        device: &Device,
        talks: Option<&Device>,
        setting: &Arc<Setting>,
        seed: u64,
    ) -> Self {
        Self {
            person: device.person.clone(),
            view: device.view(),
            outgoing: talks.map(Device::outgoing),
            setting: setting.clone(),
            random: StdRng::seed_from_u64(seed),
            done: Deeds::default(),
            number: 0,
        }
    }

    /// Acts until it is told to stop, pausing up to twice `pause` between two things.
    pub(crate) async fn run(mut self, pause: Duration) -> Deeds {
        while !self.setting.stopped.load(Ordering::Relaxed) {
            self.act().await;
            self.done.count += 1;
            let factor = 2.0 * self.random.random::<f64>();
            sleep(pause.mul_f64(factor)).await;
        }
        self.done
    }

    async fn act(&mut self) {
        match self.random.random_range(0..100) {
            0..40 => self.post().await,
            40..48 => self.edit().await,
            48..53 => self.delete().await,
            53..67 => self.react().await,
            67..83 => self.mark().await,
            83..86 => self.typing().await,
            86..90 => self.visit().await,
            _ if self.person.name == "alice" => self.manage().await,
            90..93 if self.setting.guests.contains(&self.person.name) => self.leave().await,
            _ => self.post().await,
        }
    }

    /// Asks until there is an answer. What others did meanwhile may have made it impossible.
    async fn call(&self, method: Method, path: &str, body: Value) -> Option<Value> {
        let body = Some(body).filter(|body| !body.is_null());
        let answer = self.person.call(method.clone(), path, body).await;
        match answer.status {
            200..300 => Some(answer.body),
            403 | 404 | 409 => None,
            _ => panic!("{}: {method} {path}: {answer:?}", self.person.name),
        }
    }

    async fn post(&mut self) {
        self.number += 1;
        let key = format!("{}-{}", self.person.name, self.number);
        let others = self.setting.everybody.iter().filter(|name| **name != self.person.name);
        let other = others.collect::<Vec<_>>().choose(&mut self.random).unwrap().to_string();
        let mention = self.random.random_bool(0.2);
        let content = format!("{key} {}", "x".repeat(self.random.random_range(1..100)));
        let with_mention = if mention { format!("{content} @{other}") } else { content.clone() };
        if self.random.random_bool(0.2) {
            let body = json!({"recipient": other, "content": with_mention, "client_msg_id": key});
            let posted = self.call(Method::POST, "/messages", body).await;
            return self.note(posted, with_mention);
        }
        let Some((place, _)) = self.place() else {
            return;
        };
        if let Some(outgoing) = self.outgoing.as_ref().filter(|_| self.random.random_bool(0.5)) {
            // Without a mention, of which the sender would have to find out by loading.
            outgoing.send(frame(&place, &content, &key)).unwrap();
            return;
        }
        let body = json!({"conversation_id": place, "content": with_mention, "client_msg_id": key});
        let posted = self.call(Method::POST, "/messages", body).await;
        self.note(posted, with_mention);
    }

    fn note(&mut self, posted: Option<Value>, content: String) {
        if let Some(posted) = posted {
            assert_eq!(posted["content"], *content, "{posted}");
            self.done.said.insert(posted["id"].as_str().unwrap().to_owned(), Some(content));
        }
    }

    fn place(&mut self) -> Option<(String, u64)> {
        let places = self.view.state().model.ends();
        places.choose(&mut self.random).cloned()
    }

    fn message(&mut self, own: bool) -> Option<String> {
        let said = self.view.state().model.said();
        let fitting = said.iter().filter(|(id, _, user)| {
            !own || *user == self.person.name && self.done.said.contains_key(id)
        });
        let fitting: Vec<_> = fitting.collect();
        // Mostly what was said last.
        let recent = &fitting[fitting.len().saturating_sub(20)..];
        recent.choose(&mut self.random).map(|(id, ..)| id.clone())
    }

    async fn edit(&mut self) {
        let Some(id) = self.message(true) else {
            return;
        };
        self.number += 1;
        let content = format!("edited {}", self.number);
        let body = json!({"content": content, "user": self.person.name});
        match self.call(Method::PATCH, &format!("/messages/{id}"), body).await {
            Some(_) => drop(self.done.said.insert(id, Some(content))),
            // Done or not: the answer to the first try may be lost, and the membership with it.
            None => drop(self.done.said.remove(&id)),
        }
    }

    async fn delete(&mut self) {
        let Some(id) = self.message(true) else {
            return;
        };
        match self.call(Method::DELETE, &format!("/messages/{id}"), Value::Null).await {
            Some(_) => drop(self.done.said.insert(id, None)),
            None => drop(self.done.said.remove(&id)),
        }
    }

    async fn react(&mut self) {
        let Some(id) = self.message(false) else {
            return;
        };
        let emoji = EMOJI.choose(&mut self.random).unwrap().to_string();
        let add = self.random.random_bool(0.6);
        let method = if add { Method::PUT } else { Method::DELETE };
        let path = format!("/messages/{id}/reactions/{emoji}");
        match self.call(method, &path, Value::Null).await {
            Some(_) => drop(self.done.reactions.insert((id, emoji), add)),
            None => drop(self.done.reactions.remove(&(id, emoji))),
        }
    }

    async fn mark(&mut self) {
        let Some((place, end)) = self.place() else {
            return;
        };
        let seq =
            if self.random.random_bool(0.7) { end } else { self.random.random_range(0..=end) };
        let (path, body) = match self.random.random_range(0..3) {
            0 => (format!("/conversations/{place}/read"), json!({"seq": seq})),
            1 => (format!("/conversations/{place}/delivered"), json!({"seq": seq})),
            _ => {
                let receipts = json!([{"conversation_id": place, "read": seq, "delivered": seq}]);
                ("/receipts".to_owned(), json!({"receipts": receipts}))
            }
        };
        self.call(Method::POST, &path, body).await;
    }

    async fn typing(&mut self) {
        if let Some((place, _)) = self.place() {
            // Passing, so it is not asked for twice.
            let path = format!("/conversations/{place}/typing");
            self.person.ask(Method::POST, &path, None).await.ok();
        }
    }

    /// Joins or leaves the room.
    async fn visit(&mut self) {
        let method = if self.random.random_bool(0.5) { Method::PUT } else { Method::DELETE };
        let path = format!("/conversations/{}/members/{}", self.setting.room, self.person.name);
        self.call(method, &path, Value::Null).await;
    }

    async fn leave(&mut self) {
        let group = self.setting.groups.choose(&mut self.random).unwrap();
        let path = format!("/conversations/{group}/members/{}", self.person.name);
        self.call(Method::DELETE, &path, Value::Null).await;
    }

    /// Does what owners of groups may.
    async fn manage(&mut self) {
        self.number += 1;
        let group = self.setting.groups.choose(&mut self.random).unwrap();
        let guest = self.setting.guests.choose(&mut self.random).unwrap();
        let (group, member) =
            (format!("/conversations/{group}"), format!("/conversations/{group}/members/{guest}"));
        match self.random.random_range(0..10) {
            0..4 => self.call(Method::PUT, &member, Value::Null).await,
            4..6 => self.call(Method::DELETE, &member, Value::Null).await,
            6 => self.call(Method::PUT, &member, json!({"role": "owner"})).await,
            7 => self.call(Method::PUT, &member, json!({"role": "member"})).await,
            _ => {
                let name = format!("name {}", self.number);
                self.call(Method::PATCH, &group, json!({"name": name})).await
            }
        };
    }
}
