//! [`Event`]: a fact for clients, as it travels from the log to the streams.

use std::{collections::HashSet, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::id::EventId;

/// The room that everybody is in.
pub const PUBLIC_ROOM: &str = "public";

/// The event type of a chat message, the only one that streams send as SSE's default event.
pub const MESSAGE: &str = "message";

/// The event type of a message that says something else now.
pub const MESSAGE_UPDATED: &str = "message_updated";

/// The event type of a message of which nothing is left but its place.
pub const MESSAGE_DELETED: &str = "message_deleted";

/// The event type that ends a user's streams. Its audience is nobody: clients never see it.
pub const SESSION: &str = "session";

/// What a [`SESSION`] event says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionEnded {
    /// The user's key.
    pub user: String,
    /// Streams of sessions before this epoch end.
    pub epoch: u64,
    /// Why: `signed_out` or `deactivated`.
    pub reason: String,
}

/// A durable fact: stored in the event log, replayed to whoever missed it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Event {
    /// Its place in the log.
    pub id: EventId,
    /// What happened: `message`, `message_updated`, `member`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// Who may see it, fixed when it was committed.
    pub audience: Audience,
    /// The JSON that clients receive, passed on byte for byte.
    pub data: Arc<RawValue>,
    /// The connection that caused it, which has been told in another way. Known while the event
    /// is new, and not kept in the log.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub origin: Option<String>,
}

impl Event {
    /// About how many bytes it takes in memory, its audience included; as JSON never more than
    /// twice as many.
    pub fn size(&self) -> usize {
        size(&self.audience, &self.data)
    }
}

/// A passing fact: who is typing, who is there, how far someone has read. Not in the log, without
/// an id, and dropped first when there is no room.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ephemeral {
    /// What happens: `typing`, `receipt`, `presence`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Who may see it.
    pub audience: Audience,
    /// The JSON that clients receive.
    pub data: Arc<RawValue>,
}

impl Ephemeral {
    /// As [`Event::size`].
    pub fn size(&self) -> usize {
        size(&self.audience, &self.data)
    }
}

/// Passing facts as `POST /notify` takes them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct EphemeralBatch {
    /// In the order in which they happened.
    pub ephemeral: Vec<Ephemeral>,
}

/// Who may see an event.
///
/// Live delivery and replay apply the same rule, [`Audience::admits`], so that a reconnect can
/// never show more or less than an open stream did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Audience {
    /// Everyone who watches this public room.
    Room(String),
    /// These users, wherever they are connected.
    Users(Vec<String>),
}

impl Audience {
    /// Whether a stream that watches `rooms` as `user` receives the event.
    pub fn admits(&self, rooms: &HashSet<String>, user: Option<&str>) -> bool {
        match self {
            Self::Room(room) => rooms.contains(room),
            Self::Users(users) => user.is_some_and(|user| users.iter().any(|name| name == user)),
        }
    }

    /// About how many bytes it takes in memory; as JSON never more than twice as many, even where
    /// every character needs a backslash.
    pub fn size(&self) -> usize {
        match self {
            Self::Room(room) => room.len(),
            Self::Users(users) => users.iter().map(|user| size_of::<String>() + user.len()).sum(),
        }
    }
}

/// The id, the type, the origin, and the names of the fields.
const ENVELOPE: usize = 128;

fn size(audience: &Audience, data: &RawValue) -> usize {
    ENVELOPE + audience.size() + data.get().len()
}

/// How many of these sizes, from the first on, make up at most `room` bytes.
pub fn fitting(sizes: impl IntoIterator<Item = usize>, mut room: usize) -> usize {
    let fits = |size: &usize| match room.checked_sub(*size) {
        Some(left) => {
            room = left;
            true
        }
        None => false,
    };
    sizes.into_iter().take_while(fits).count()
}

/// A run of the log without gaps: body of `POST /notify` and part of what `GET /internal/events`
/// answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Batch {
    /// The id in the log right before the first of `events`. An empty batch says "this is the
    /// last id"; a feed that is behind it pulls.
    pub after: EventId,
    /// The events that follow `after`, in order.
    pub events: Vec<Event>,
}

impl Batch {
    /// The id up to which the log is known once this batch is applied.
    pub fn end(&self) -> EventId {
        self.events.last().map_or(self.after, |event| event.id)
    }
}

/// Answer of `GET /internal/events`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LogPage {
    /// The events asked for, contiguous with the requested cursor; the first of them, if all would
    /// be too much. Not flattened: serde cannot read
    /// a `RawValue` through that.
    pub batch: Batch,
    /// The last id in the log when the page was read.
    pub head: EventId,
    /// The oldest cursor the log can still continue from: events up to it have been pruned.
    pub floor: EventId,
}

/// Answer of `POST /notify`: what the feed now has.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Accepted {
    /// The last id of the log that the feed has.
    pub last_id: EventId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_form_is_stable() {
        let text = r#"{"after":"19700101000000.000000","events":[{"id":"20240101120000.123456","type":"message","audience":{"room":"public"},"data":{"b":1,  "a":2}},{"id":"20240101120000.123457","type":"member","audience":{"users":["alice","bob"]},"data":{}}]}"#;
        let batch: Batch = serde_json::from_str(text).unwrap();
        assert_eq!(batch.end().to_string(), "20240101120000.123457");
        assert_eq!(serde_json::to_string(&batch).unwrap(), text);
        let text = format!(
            r#"{{"batch":{text},"head":"20240101120000.123457","floor":"19700101000000.000000"}}"#
        );
        let page: LogPage = serde_json::from_str(&text).unwrap();
        assert_eq!(page.batch.events.len(), 2);
        assert_eq!(serde_json::to_string(&page).unwrap(), text);
    }

    #[test]
    fn the_json_of_an_event_is_at_most_twice_its_size() {
        for users in [vec![], vec!["a".to_owned(); 1_000], vec!["\"".repeat(256); 1_000]] {
            let event = Event {
                id: EventId::from_micros(1_700_000_000_000_000).unwrap(),
                kind: "conversation_deleted".to_owned(),
                audience: Audience::Users(users),
                data: RawValue::from_string("{}".to_owned()).unwrap().into(),
                origin: Some("0".repeat(36)),
            };
            let json = serde_json::to_string(&event).unwrap().len();
            assert!(json <= 2 * event.size(), "{json} bytes, {}", event.size());
        }
    }

    #[test]
    fn what_fits_is_counted_from_the_first_on() {
        for (room, count) in [(0, 0), (9, 0), (10, 1), (29, 1), (30, 2), (60, 3)] {
            assert_eq!(fitting([10, 20, 30], room), count, "{room}");
        }
    }

    #[test]
    fn an_audience_admits_its_own_and_nobody_else() {
        let rooms = HashSet::from(["public".to_owned()]);
        let room = Audience::Room("public".to_owned());
        assert!(room.admits(&rooms, None));
        assert!(!room.admits(&HashSet::new(), Some("alice")));
        let pair = Audience::Users(vec!["alice".to_owned(), "bob".to_owned()]);
        assert!(pair.admits(&rooms, Some("bob")));
        assert!(!pair.admits(&rooms, Some("carol")));
        assert!(!pair.admits(&rooms, None));
    }
}
