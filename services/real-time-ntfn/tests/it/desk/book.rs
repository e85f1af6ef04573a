//! [`Book`]: what a [`Desk`](super::Desk) knows.

use std::collections::{HashMap, HashSet};

use common::{
    Audience, Event, EventId,
    event::{PUBLIC_ROOM, SESSION},
    name,
};
use serde_json::{Value, json};

#[derive(Default)]
pub(super) struct Book {
    pub(super) log: Vec<Event>,
    /// The log begins after this.
    pub(super) floor: EventId,
    pub(super) members: HashMap<String, Member>,
    /// Tokens by ticket; none where it has been used.
    pub(super) tickets: HashMap<String, Option<String>>,
    pub(super) rooms: HashSet<String>,
    pub(super) contacts: HashMap<String, Vec<String>>,
    /// Whose, since when, and what.
    pub(super) receipts: Vec<(String, EventId, Value)>,
    pub(super) delivered: HashMap<String, EventId>,
    pub(super) delivered_direct: HashMap<String, EventId>,
    pub(super) failing: HashSet<&'static str>,
    /// Routes that do not answer for now.
    pub(super) held: HashSet<&'static str>,
    /// Routes where a proxy refuses larger bodies than this.
    pub(super) most: HashMap<&'static str, usize>,
    /// Routes where connections are cut after so many bytes of an answer.
    pub(super) cut: HashMap<&'static str, usize>,
    /// The target of each request.
    pub(super) calls: Vec<String>,
    /// Clients that were asked about, in however many calls.
    pub(super) asked_about: usize,
    /// Whether what a user begins with reaches further than its cursor says.
    pub(super) overtakes: bool,
}

pub(super) struct Member {
    /// As first written.
    pub(super) name: String,
    pub(super) registered: bool,
    pub(super) epoch: u64,
}

impl Book {
    pub(super) fn new() -> Self {
        Self { rooms: HashSet::from([PUBLIC_ROOM.to_owned()]), ..Self::default() }
    }

    pub(super) fn head(&self) -> EventId {
        self.log.last().map_or(self.floor, |event| event.id)
    }

    /// Writes an event; returns its data, with its id.
    pub(super) fn append(&mut self, kind: &str, audience: Audience, mut data: Value) -> Value {
        let id = EventId::after(self.head(), common::Clock::default().now());
        data["id"] = json!(id);
        let raw = serde_json::value::to_raw_value(&data).unwrap();
        let (kind, data_of) = (kind.to_owned(), raw.into());
        let audience = audience.into();
        self.log.push(Event { id, kind, audience, data: data_of, origin: None });
        data
    }

    pub(super) fn acquaint(&mut self, one: &str, other: &str) {
        for (user, contact) in [(one, other), (other, one)] {
            let contacts = self.contacts.entry(user.to_owned()).or_default();
            if !contacts.iter().any(|known| known == contact) {
                contacts.push(contact.to_owned());
            }
        }
    }

    pub(super) fn sign_out(&mut self, user: &str) {
        let member = self.members.get_mut(user).unwrap();
        member.epoch += 1;
        let epoch = member.epoch;
        let data = json!({
            "type": SESSION, "user": user, "epoch": epoch, "reason": "signed_out",
        });
        self.append(SESSION, Audience::Users(Vec::new()), data);
    }

    /// The user with a name, who is a guest from then on if nobody has it.
    pub(super) fn user(&mut self, name: &str) -> (String, &Member) {
        let key = name::key(name);
        let guest = || Member { name: name.to_owned(), registered: false, epoch: 0 };
        (key.clone(), self.members.entry(key).or_insert_with(guest))
    }
}
