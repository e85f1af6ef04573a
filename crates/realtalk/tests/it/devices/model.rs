//! [`Model`]: what one device knows, kept up to date by events alone.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{place::Place, snapshot::Snapshot};
use crate::person::Person;

/// What a device knows.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    me: String,
    places: BTreeMap<String, Place>,
    /// How far users have read, and what has reached them, by conversation and user. These only
    /// grow, so they may come in any order.
    marks: Marks,
    /// Conversations that have to be loaded: events do not say all that is to be known of them.
    wanted: BTreeSet<String>,
}

/// `read_seq` and `delivered_seq`, by conversation and user.
pub(super) type Marks = BTreeMap<(String, String), (u64, u64)>;

impl Model {
    /// A model of what was loaded at a cursor.
    pub(crate) fn new(me: &str, snapshot: Snapshot, cursor: &str) -> Self {
        let mut model = Self {
            me: me.to_owned(),
            places: BTreeMap::new(),
            marks: Marks::new(),
            wanted: BTreeSet::new(),
        };
        let Snapshot { conversations, mut messages } = snapshot;
        for conversation in conversations {
            let messages = messages.remove(conversation["id"].as_str().unwrap()).unwrap();
            model.put(&conversation, messages, cursor);
        }
        model
    }

    /// What the API should show now.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        let mut places: Vec<_> = self.places.iter().collect();
        places.sort_by_key(|(_, place)| std::cmp::Reverse(place.active_at()));
        for (id, place) in places {
            let messages = place.messages(&self.marks);
            snapshot.conversations.push(place.conversation(&self.me, &self.marks, &messages));
            snapshot.messages.insert(id.clone(), messages);
        }
        snapshot
    }

    /// Rooms that are to be watched.
    pub(crate) fn rooms(&self) -> Vec<String> {
        let rooms = self.places.iter().filter(|(_, place)| place.is_room());
        rooms.map(|(id, _)| id.clone()).collect()
    }

    /// Ids of messages that are not deleted, with their conversations and authors.
    pub(crate) fn said(&self) -> Vec<(String, String, String)> {
        let messages = self.places.values().flat_map(|place| place.messages.values());
        let living = messages.filter(|message| message.get("deleted").is_none());
        living.map(|it| (text(it, "id"), text(it, "conversation_id"), text(it, "user"))).collect()
    }

    /// Conversations, and the seq of their newest message.
    pub(crate) fn ends(&self) -> Vec<(String, u64)> {
        self.places.iter().map(|(id, place)| (id.clone(), place.last_seq())).collect()
    }

    /// Takes in an event; one that is known already changes nothing.
    pub(crate) fn apply(&mut self, event: &Value) {
        let kind = event["type"].as_str().unwrap();
        let Some(conversation_id) = event["conversation_id"].as_str() else {
            return;
        };
        if kind == "receipt" {
            let [read, delivered] =
                ["read_seq", "delivered_seq"].map(|name| event[name].as_u64().unwrap());
            return self.mark(conversation_id, &text(event, "user"), (read, delivered));
        }
        let Some(id) = event["id"].as_str() else {
            return;
        };
        let place = self.places.get_mut(conversation_id);
        if place.as_ref().is_some_and(|place| place.loaded.as_str() >= id) {
            return;
        }
        match (kind, place) {
            ("conversation", _) => self.apply_conversation(conversation_id, id, event),
            ("member", Some(_)) => self.apply_member(conversation_id, id, event),
            ("message", Some(place)) => place.put_message(event),
            ("message_updated" | "message_deleted", Some(place)) => {
                place.put_message(&event["message"]);
            }
            ("reaction", Some(place)) => {
                let known = place.react(&text(event, "message_id"), &event["reactions"]);
                // A message that this device sent, and does not know the fate of.
                self.wanted.extend((!known).then(|| conversation_id.to_owned()));
            }
            // A conversation that was left between the cursor and the list, or is no more watched.
            _ => {}
        }
    }

    fn apply_conversation(&mut self, conversation_id: &str, id: &str, event: &Value) {
        let card = &event["conversation"];
        let is_room = card["kind"] == "room";
        match event["action"].as_str().unwrap() {
            "created" if !is_room => self.put(card, Vec::new(), id),
            "created" | "joined" => {
                self.wanted.insert(conversation_id.to_owned());
            }
            "updated" => {
                let place = self.places.get_mut(conversation_id);
                if place.is_some_and(|place| place.rename(card)) {
                    self.wanted.insert(conversation_id.to_owned());
                }
            }
            "left" if conversation_id == "public" => {
                self.places.get_mut(conversation_id).unwrap().leave();
            }
            "left" => {
                self.places.remove(conversation_id);
            }
            action => panic!("a conversation was {action}"),
        }
    }

    fn apply_member(&mut self, conversation_id: &str, id: &str, event: &Value) {
        let place = self.places.get_mut(conversation_id).unwrap();
        let user = text(event, "user");
        match event["action"].as_str().unwrap() {
            "joined" => {
                let seq = place.seq_at(id);
                place.add_member(&user, &event["role"], seq);
            }
            "left" if user == self.me && !place.is_room() => {
                self.places.remove(conversation_id);
            }
            "left" => place.remove_member(&user),
            "role" => place.set_role(&user, &self.me, &event["role"]),
            action => panic!("a member was {action}"),
        }
    }

    /// Adds a message that this device sent, as its `ack` describes it.
    pub(crate) fn acknowledge(&mut self, ack: &Value, sent: &Value) {
        let conversation_id = text(ack, "conversation_id");
        let Some(place) = self.places.get_mut(&conversation_id) else {
            return;
        };
        let mut message = json!({
            "type": "message", "id": ack["id"], "conversation_id": conversation_id,
            "seq": ack["seq"], "user": ack["user"], "content": sent["content"],
            "timestamp": ack["timestamp"], "status": "sent",
            "client_msg_id": ack["client_msg_id"],
        });
        if let Some(other) = place.other_than(&self.me) {
            message["recipient"] = json!(other);
        }
        // What an event said of it is newer.
        place.messages.entry(ack["seq"].as_u64().unwrap()).or_insert(message);
        place.reach(ack["seq"].as_u64().unwrap());
    }

    /// Loads the conversations of which events did not say enough.
    pub(crate) async fn complete(&mut self, person: &Person) {
        while let Some(id) = self.wanted.pop_first() {
            let path = format!("/conversations/{id}");
            let answer = person.call(reqwest::Method::GET, &path, None).await;
            // A room answers those who have left it, too.
            let shown = answer.status == 200 && (answer.body["joined"] == true || id == "public");
            let messages = if shown { person.messages(&id).await } else { None };
            match messages {
                Some(messages) => {
                    assert!(!answer.cursor.is_empty(), "a conversation without a cursor");
                    self.put(&answer.body, messages, &answer.cursor);
                }
                // It was left, as an event up to the cursor or a later one says.
                None => drop(self.places.remove(&id)),
            }
        }
    }

    /// Whether the rooms that are to be watched may change with the next [`complete`](Self::complete).
    pub(crate) fn is_complete(&self) -> bool {
        self.wanted.is_empty()
    }

    fn put(&mut self, conversation: &Value, messages: Vec<Value>, loaded: &str) {
        let id = text(conversation, "id");
        let place = Place::new(&self.me, conversation, messages, loaded);
        for (user, read, delivered) in place.marks(&self.me, conversation) {
            self.mark(&id, &user, (read, delivered));
        }
        self.places.insert(id, place);
    }

    fn mark(&mut self, conversation_id: &str, user: &str, (read, delivered): (u64, u64)) {
        let key = (conversation_id.to_owned(), user.to_owned());
        let mark = self.marks.entry(key).or_default();
        *mark = (mark.0.max(read), mark.1.max(delivered));
    }
}

pub(super) fn text(object: &Value, field: &str) -> String {
    object[field].as_str().unwrap_or_else(|| panic!("no {field} in {object}")).to_owned()
}
