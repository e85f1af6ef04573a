//! [`Place`]: one conversation of a [`Model`](super::model::Model).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::model::{Marks, text};

/// What follows from the rest, and is worked out anew for each look.
const DERIVED: [&str; 4] = ["last_message", "unread", "mentions", "read_seq"];

/// Counts stop there.
const MOST: usize = 100;

/// A conversation, as far as a device knows it.
#[derive(Clone, Debug)]
pub(super) struct Place {
    id: String,
    /// The conversation, as the API shows it, without what is [`DERIVED`].
    card: Map<String, Value>,
    /// The cursor at which it was loaded: events up to there are in it.
    pub(super) loaded: String,
    /// By seq.
    pub(super) messages: BTreeMap<u64, Value>,
}

impl Place {
    /// What a list or an event says of it.
    pub(super) fn new(me: &str, conversation: &Value, messages: Vec<Value>, loaded: &str) -> Self {
        let mut card = conversation.as_object().unwrap().clone();
        DERIVED.iter().for_each(|name| drop(card.remove(*name)));
        // Events tell all members alike; what one is oneself stands among the members.
        if let (false, Some(members)) = (card.contains_key("joined"), card.get("members")) {
            let mine = members.as_array().unwrap().iter().find(|member| member["user"] == me);
            let role = mine.map(|member| member["role"].clone());
            card.insert("joined".to_owned(), json!(role.is_some()));
            card.extend(role.map(|role| ("role".to_owned(), role)));
        }
        let by_seq = |message: Value| (message["seq"].as_u64().unwrap(), message);
        let messages = messages.into_iter().map(by_seq).collect();
        let mut place =
            Self { id: text(conversation, "id"), card, loaded: loaded.to_owned(), messages };
        // What was said between the two answers is in the messages only.
        if let Some((seq, _)) = place.messages.last_key_value() {
            place.reach(*seq);
        }
        place
    }

    /// The markers that come with a conversation.
    pub(super) fn marks(&self, me: &str, conversation: &Value) -> Vec<(String, u64, u64)> {
        let seq = |object: &Value, name: &str| object[name].as_u64().unwrap();
        if self.is_room() {
            return vec![(me.to_owned(), conversation["read_seq"].as_u64().unwrap_or(0), 0)];
        }
        self.members()
            .map(|it| (text(it, "user"), seq(it, "read_seq"), seq(it, "delivered_seq")))
            .collect()
    }

    pub(super) fn is_room(&self) -> bool {
        self.card["kind"] == "room"
    }

    fn is_joined(&self) -> bool {
        self.card["joined"] == true
    }

    pub(super) fn last_seq(&self) -> u64 {
        self.card["last_seq"].as_u64().unwrap()
    }

    fn members(&self) -> impl Iterator<Item = &Value> {
        self.card.get("members").and_then(Value::as_array).into_iter().flatten()
    }

    /// The other one, if it is the conversation of two.
    pub(super) fn other_than(&self, me: &str) -> Option<&str> {
        let other = self.members().find(|member| member["user"] != me)?;
        (self.card["kind"] == "direct").then_some(other["user"].as_str()?)
    }

    /// There is a message with this seq.
    pub(super) fn reach(&mut self, seq: u64) {
        let last = self.last_seq().max(seq);
        self.card.insert("last_seq".to_owned(), json!(last));
    }

    pub(super) fn put_message(&mut self, message: &Value) {
        let seq = message["seq"].as_u64().unwrap();
        self.messages.insert(seq, message.clone());
        self.reach(seq);
    }

    /// Sets the reactions to a message; says whether it is known.
    pub(super) fn react(&mut self, message_id: &str, reactions: &Value) -> bool {
        let found = self.messages.values_mut().find(|message| message["id"] == message_id);
        let Some(message) = found.and_then(Value::as_object_mut) else {
            return false;
        };
        if reactions.as_array().unwrap().is_empty() {
            message.remove("reactions");
        } else {
            message.insert("reactions".to_owned(), reactions.clone());
        }
        true
    }

    /// Takes over what all see alike; says whether other messages can be seen now.
    pub(super) fn rename(&mut self, card: &Value) -> bool {
        let before = self.card.get("history").cloned();
        for name in ["name", "history"] {
            let value = card.get(name).map(|value| (name.to_owned(), value.clone()));
            self.card.extend(value);
        }
        self.card.get("history") != before.as_ref()
    }

    /// The seq of the newest message before an event. Those that are hidden come before all that
    /// can be seen.
    pub(super) fn seq_at(&self, event: &str) -> u64 {
        let earlier = |message: &&Value| message["id"].as_str().unwrap() < event;
        match (self.messages.values().rev().find(earlier), self.messages.first_key_value()) {
            (Some(message), _) => message["seq"].as_u64().unwrap(),
            (None, Some((first, _))) => first - 1,
            (None, None) => self.last_seq(),
        }
    }

    pub(super) fn add_member(&mut self, user: &str, role: &Value, seq: u64) {
        self.count_members(1);
        let known = self.members().any(|member| member["user"] == user);
        if let (Some(Value::Array(members)), false) = (self.card.get_mut("members"), known) {
            members.push(json!({
                "user": user, "role": role, "read_seq": seq, "delivered_seq": seq,
            }));
        }
    }

    pub(super) fn remove_member(&mut self, user: &str) {
        self.count_members(-1);
        if let Some(Value::Array(members)) = self.card.get_mut("members") {
            members.retain(|member| member["user"] != user);
        }
    }

    fn count_members(&mut self, step: i64) {
        if let Some(count) = self.card.get_mut("member_count") {
            *count = json!(count.as_i64().unwrap() + step);
        }
    }

    pub(super) fn set_role(&mut self, user: &str, me: &str, role: &Value) {
        if user == me {
            self.card.insert("role".to_owned(), role.clone());
        }
        if let Some(Value::Array(members)) = self.card.get_mut("members") {
            for member in members.iter_mut().filter(|member| member["user"] == user) {
                member["role"] = role.clone();
            }
        }
    }

    /// The user is no member of this room any more.
    pub(super) fn leave(&mut self) {
        self.card.insert("joined".to_owned(), json!(false));
        self.card.remove("role");
    }

    /// When something was last said here, or when it was made.
    pub(super) fn active_at(&self) -> &str {
        let last = self.messages.values().next_back();
        let moment = last.map_or(&self.card["created_at"], |message| &message["timestamp"]);
        moment.as_str().unwrap()
    }

    /// The messages, as the API should show them now.
    pub(super) fn messages(&self, marks: &Marks) -> Vec<Value> {
        let with_status = |message: &Value| {
            let mut message = message.clone();
            message["status"] = json!(self.status(&message, marks));
            message
        };
        self.messages.values().map(with_status).collect()
    }

    fn status(&self, message: &Value, marks: &Marks) -> &'static str {
        let seq = message["seq"].as_u64().unwrap();
        let others = self.members().filter(|member| member["user"] != message["user"]);
        let least = others
            .map(|member| self.mark_of(&text(member, "user"), member, marks))
            .reduce(|one, other| (one.0.min(other.0), one.1.min(other.1)));
        match least {
            Some((read, _)) if read >= seq => "read",
            Some((_, delivered)) if delivered >= seq => "delivered",
            _ => "sent",
        }
    }

    fn mark_of(&self, user: &str, member: &Value, marks: &Marks) -> (u64, u64) {
        let mark = marks.get(&(self.id.clone(), user.to_owned())).copied().unwrap_or_default();
        let known = |name: &str| member[name].as_u64().unwrap_or(0);
        (mark.0.max(known("read_seq")), mark.1.max(known("delivered_seq")))
    }

    /// The conversation, as the API should show it now.
    pub(super) fn conversation(&self, me: &str, marks: &Marks, messages: &[Value]) -> Value {
        let mut card = self.card.clone();
        if let Some(Value::Array(members)) = card.get_mut("members") {
            for member in members {
                let (read, delivered) = self.mark_of(&text(member, "user"), member, marks);
                (member["read_seq"], member["delivered_seq"]) = (json!(read), json!(delivered));
            }
        }
        let mine = self.members().find(|member| member["user"] == me);
        let read = match self.is_joined() {
            true => self.mark_of(me, mine.unwrap_or(&Value::Null), marks).0,
            false => 0,
        };
        let counts = |message: &&Value| {
            let unread = self.is_joined() && message["seq"].as_u64().unwrap() > read;
            unread && message["user"] != me && message.get("deleted").is_none()
        };
        let names_me = |message: &&Value| {
            let mentions = message.get("mentions").and_then(Value::as_array);
            mentions.is_some_and(|names| names.iter().any(|name| name == me))
        };
        let unread: Vec<_> = messages.iter().filter(counts).collect();
        let mentions = unread.iter().filter(|message| names_me(message)).count();
        card.insert("unread".to_owned(), json!(unread.len().min(MOST)));
        card.insert("mentions".to_owned(), json!(mentions.min(MOST)));
        card.insert("read_seq".to_owned(), json!(read));
        card.extend(messages.last().map(|last| ("last_message".to_owned(), last.clone())));
        card.into()
    }
}
