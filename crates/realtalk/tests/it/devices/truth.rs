//! What must hold in the end, judged by the log and by fresh loads.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value;

use super::{actor::Deeds, device::State, model::text, snapshot::Snapshot};

/// What is said of messages.
const SAID: [&str; 4] = ["message", "message_updated", "message_deleted", "reaction"];

/// The log of someone who was in every group from its beginning.
pub(crate) struct Log {
    events: Vec<Value>,
}

impl Log {
    pub(crate) fn new(events: Vec<Value>) -> Self {
        Self { events }
    }

    /// Ids of the events that concern messages and that were for a user, as far as their
    /// conversations are in this log.
    fn for_user(&self, user: &str) -> Vec<&str> {
        let mut groups: HashMap<String, Group> = HashMap::new();
        let mut ids = Vec::new();
        for event in &self.events {
            let Some(place) = event["conversation_id"].as_str() else {
                continue;
            };
            let id = event["id"].as_str().unwrap();
            match event["type"].as_str().unwrap() {
                "conversation" if event["conversation"]["kind"] == "group" => {
                    groups.entry(place.to_owned()).or_default().take(event, id);
                }
                "member" => groups.entry(place.to_owned()).or_default().note(event, id),
                kind if SAID.contains(&kind) => {
                    let group = groups.get(place);
                    if is_for(user, place, message_id(event), group) {
                        ids.push(id);
                    }
                }
                _ => {}
            }
        }
        ids
    }

    /// Checks that a device got exactly what was for its user, in order.
    pub(crate) fn check(&self, name: &str, user: &str, state: &State) -> Result<(), String> {
        let known: HashSet<&str> = self.events.iter().filter_map(|it| it["id"].as_str()).collect();
        let own: HashSet<_> = state.acknowledged.iter().map(|ack| text(ack, "id")).collect();
        let mut seen = Vec::new();
        for event in &state.seen {
            let (kind, id) = (event["type"].as_str().unwrap(), event["id"].as_str().unwrap());
            // Rooms other than the public one are watched now and then; others' directs are not
            // in this log.
            let place = event["conversation_id"].as_str().unwrap_or_default();
            let checked = place == "public" || place.starts_with("g-") || known.contains(id);
            if SAID.contains(&kind) && checked && !place.starts_with("garden") {
                seen.push(id);
            }
        }
        let mut seen = seen.into_iter().peekable();
        let due = self.for_user(user).into_iter().filter(|id| *id > state.since.as_str());
        for id in due {
            match seen.next_if_eq(&id) {
                Some(_) => {}
                // The sending device was told by an `ack`.
                None if own.contains(id) => {}
                None => {
                    let event = self.events.iter().find(|event| event["id"] == id);
                    let instead = seen.peek();
                    return Err(format!("{name} did not get {event:?}, but {instead:?}"));
                }
            }
        }
        match seen.next() {
            Some(surplus) => Err(format!("{name} got {surplus}, which was not for {user}")),
            None => Ok(()),
        }
    }
}

/// Who is in a group, and since which event.
#[derive(Default)]
struct Group {
    since: HashMap<String, String>,
    from_joining: bool,
}

impl Group {
    fn take(&mut self, event: &Value, id: &str) {
        self.from_joining = event["conversation"]["history"] == "joined";
        if event["action"] == "created" {
            let members = event["conversation"]["members"].as_array().unwrap();
            self.since.extend(members.iter().map(|it| (text(it, "user"), id.to_owned())));
        }
    }

    fn note(&mut self, event: &Value, id: &str) {
        match event["action"].as_str().unwrap() {
            "joined" => drop(self.since.insert(text(event, "user"), id.to_owned())),
            "left" => drop(self.since.remove(&text(event, "user"))),
            _ => {}
        }
    }
}

fn message_id(event: &Value) -> &str {
    let id = match event["type"].as_str().unwrap() {
        "message" => &event["id"],
        "reaction" => &event["message_id"],
        _ => &event["message"]["id"],
    };
    id.as_str().unwrap()
}

fn is_for(user: &str, place: &str, message_id: &str, group: Option<&Group>) -> bool {
    if let Some(pair) = place.strip_prefix("dm:") {
        return pair.split(':').any(|name| name == user);
    }
    if !place.starts_with("g-") {
        return place == "public";
    }
    group.is_some_and(|group| {
        let since = group.since.get(user);
        since.is_some_and(|since| !group.from_joining || since.as_str() < message_id)
    })
}

/// All messages that anybody may see, by id.
pub(crate) fn stored<'a>(
    snapshots: impl IntoIterator<Item = &'a Snapshot>,
) -> BTreeMap<String, Value> {
    let messages = snapshots.into_iter().flat_map(|it| it.messages.values().flatten());
    messages.map(|message| (text(message, "id"), message.clone())).collect()
}

/// Checks that what was acknowledged to a user is stored as they left it.
pub(crate) fn check_deeds(
    user: &str,
    deeds: &Deeds,
    stored: &BTreeMap<String, Value>,
) -> Result<(), String> {
    for (id, content) in &deeds.said {
        match (stored.get(id), content) {
            (Some(message), Some(content)) if message["content"] == **content => {}
            (Some(message), None) if message["deleted"] == true => {}
            (message, content) => {
                return Err(format!("{user}: {id} should say {content:?}, but is {message:?}"));
            }
        }
    }
    for ((id, emoji), added) in &deeds.reactions {
        let Some(message) = stored.get(id).filter(|it| it.get("deleted").is_none()) else {
            continue;
        };
        let reactions = message["reactions"].as_array();
        let reaction = reactions.into_iter().flatten().find(|it| it["emoji"] == **emoji);
        let there = reaction
            .is_some_and(|it| it["users"].as_array().unwrap().iter().any(|name| name == user));
        if there != *added {
            return Err(format!("{user}: {emoji} at {message}: should be there: {added}"));
        }
    }
    Ok(())
}

/// Checks that a conversation that someone sees whole has no gap and no disorder.
pub(crate) fn check_whole(id: &str, messages: &[Value]) -> Result<(), String> {
    for (seq, message) in (1u64..).zip(messages) {
        if message["seq"] != seq {
            return Err(format!("{id}: seq {seq} is missing before {message}"));
        }
    }
    match messages.windows(2).find(|pair| text(&pair[0], "id") >= text(&pair[1], "id")) {
        Some(pair) => Err(format!("{id}: ids do not grow: {pair:?}")),
        None => Ok(()),
    }
}
