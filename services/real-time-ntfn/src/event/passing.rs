//! Passing facts: who is typing, who is there. Not in the log, without an id, and dropped rather
//! than waited with.

use common::{Audience, Ephemeral};
use serde_json::{Value, json};

use super::ring::Entry;

fn entry(kind: &str, audience: Audience, data: &Value) -> Entry {
    Entry::passing(kind, audience, &data.to_string())
}

/// A passing fact of the message service; nothing if nobody may see it.
pub fn from_wire(fact: &Ephemeral) -> Option<Entry> {
    if matches!(&fact.audience, Audience::Users(users) if users.is_empty()) {
        return None;
    }
    // Written anew: a frame's data is one line, however the fact was sent.
    let data = serde_json::from_str(fact.data.get()).ok()?;
    Some(entry(&fact.kind, fact.audience.clone(), &data))
}

/// The `presence` of a user, for some of their contacts.
pub fn of_user(name: &str, online: bool, contacts: Vec<String>) -> Entry {
    let data = json!({"type": PRESENCE, "user": name, "online": online});
    entry(PRESENCE, Audience::Users(contacts), &data)
}

/// How many are online, for a room.
pub fn of_room(room: &str, online: usize) -> Entry {
    let data = json!({"type": PRESENCE, "conversation_id": room, "online_count": online});
    entry(PRESENCE, Audience::Room(room.to_owned()), &data)
}

const PRESENCE: &str = "presence";
