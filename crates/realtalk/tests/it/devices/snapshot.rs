//! [`Snapshot`]: all that one user may see, as the API shows it at a moment.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::person::Person;

/// A user's conversations, and what was said in them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Snapshot {
    /// In the order of the list.
    pub(crate) conversations: Vec<Value>,
    /// By conversation, in the order of `seq`.
    pub(crate) messages: BTreeMap<String, Vec<Value>>,
}

impl Snapshot {
    /// Loads everything; returns it with the cursor from which a stream continues it.
    pub(crate) async fn load(person: &Person) -> (Self, String) {
        let list = person.get("/conversations?limit=200").await;
        assert!(!list.cursor.is_empty(), "a list without a cursor");
        let mut snapshot = Self::default();
        for conversation in list.body.as_array().unwrap() {
            let id = id_of(conversation);
            // Someone may have been removed since the list was made; the events say so.
            if let Some(messages) = person.messages(&id).await {
                snapshot.messages.insert(id, messages);
                snapshot.conversations.push(conversation.clone());
            }
        }
        (snapshot, list.cursor)
    }

    /// The first thing in which two differ, if anything is.
    pub(crate) fn difference(&self, fresh: &Self) -> Option<String> {
        let (mine, theirs) = (self.by_id(), fresh.by_id());
        if let Some(id) = mine.keys().find(|id| !theirs.contains_key(*id)) {
            return Some(format!("{id} is not in the fresh list"));
        }
        for (id, theirs) in theirs {
            let Some(mine) = mine.get(id) else {
                return Some(format!("{id} is missing; fresh: {theirs}"));
            };
            if let Some(difference) = fields(id, mine, theirs) {
                return Some(difference);
            }
            let (mine, theirs) = (&self.messages[id], &fresh.messages[id]);
            for (mine, theirs) in mine.iter().zip(theirs) {
                if let Some(difference) = fields(&format!("{id}, message"), mine, theirs) {
                    return Some(difference);
                }
            }
            if mine.len() != theirs.len() {
                let (mine, theirs) = (mine.len(), theirs.len());
                return Some(format!("{id}: {mine} messages; fresh: {theirs}"));
            }
        }
        let order = |snapshot: &Self| -> Vec<String> {
            snapshot.conversations.iter().filter(|it| is_placed(it)).map(id_of).collect()
        };
        let (mine, theirs) = (order(self), order(fresh));
        (mine != theirs).then(|| format!("order {mine:?}; fresh: {theirs:?}"))
    }

    fn by_id(&self) -> BTreeMap<&str, &Value> {
        let list = self.conversations.iter();
        list.map(|it| (it["id"].as_str().unwrap(), it)).collect()
    }
}

/// Whether a client can know when a conversation was last active: not if the newest message is
/// hidden from it.
fn is_placed(conversation: &Value) -> bool {
    conversation["last_seq"] == 0 || conversation.get("last_message").is_some()
}

fn id_of(conversation: &Value) -> String {
    conversation["id"].as_str().unwrap().to_owned()
}

/// Compares two objects field by field.
fn fields(what: &str, mine: &Value, theirs: &Value) -> Option<String> {
    let (mine, theirs) = (mine.as_object().unwrap(), theirs.as_object().unwrap());
    let mut names = mine.keys().chain(theirs.keys());
    let name = names.find(|name| mine.get(*name) != theirs.get(*name))?;
    let show = |object: &Map<String, Value>| {
        object.get(name).map_or_else(|| "nothing".to_owned(), Value::to_string)
    };
    let seq = mine.get("seq").map_or_else(String::new, |seq| format!(" {seq}"));
    Some(format!("{what}{seq}: {name} is {}; fresh: {}", show(mine), show(theirs)))
}
