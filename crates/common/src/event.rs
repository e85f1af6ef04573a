//! [`Event`]: a fact for clients, as it travels from the log to the streams.

use std::{convert::Infallible, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    audience::{Audience, SetId, Sets},
    id::EventId,
};

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
    pub audience: Arc<Audience>,
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
    /// The notification service whose own clients have been told already, if it is one that tells the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

impl EphemeralBatch {
    /// Facts that nobody has been told.
    pub const fn new(ephemeral: Vec<Ephemeral>) -> Self {
        Self { ephemeral, from: None }
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
    /// Sets that events refer to. What the relay pushes leaves out those that have been taken
    /// before.
    #[serde(default, skip_serializing_if = "Sets::is_empty")]
    pub sets: Sets,
}

/// An event refers to a set that nobody knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event refers to a set of users that is not known")]
pub struct UnknownSet;

impl Batch {
    /// Events that refer to nothing, or whose references go with them.
    pub fn new(after: EventId, events: Vec<Event>) -> Self {
        Self { after, events, sets: Sets::default() }
    }

    /// About how many bytes its events take; see [`Event::size`].
    pub fn size(&self) -> usize {
        self.events.iter().map(Event::size).sum()
    }

    /// Has every event name its audience itself, as `known` or the batch has it.
    pub fn resolve(
        self,
        known: impl Fn(&SetId) -> Option<Arc<Audience>>,
    ) -> Result<Self, UnknownSet> {
        self.look_up(|users, set| users.or_else(|| known(set)).ok_or(UnknownSet))
    }

    /// The same of a page, which brings the sets that its events refer to. Where one is missing all
    /// the same, the event is for nobody; returns how many are.
    pub fn resolve_page(self) -> (Self, usize) {
        let mut missing = 0;
        let resolved = self.look_up(|users, _| {
            missing += usize::from(users.is_none());
            Ok::<_, Infallible>(users.unwrap_or_else(|| Audience::Users(Vec::new()).into()))
        });
        match resolved {
            Ok(batch) => (batch, missing),
            Err(never) => match never {},
        }
    }

    /// Replaces references by what `audience` makes of the batch's own set of that name.
    fn look_up<E>(
        mut self,
        mut audience: impl FnMut(Option<Arc<Audience>>, &SetId) -> Result<Arc<Audience>, E>,
    ) -> Result<Self, E> {
        for event in &mut self.events {
            if let Some(set) = event.audience.set() {
                event.audience = audience(self.sets.get(set).cloned(), set)?;
            }
        }
        self.sets = Sets::default();
        Ok(self)
    }

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
    /// Of a page for somebody: how far it has looked. Events up to there that are not in it are not
    /// for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looked_to: Option<EventId>,
}

impl LogPage {
    /// The cursor after the page.
    pub fn end(&self) -> EventId {
        self.looked_to.unwrap_or_else(|| self.batch.end())
    }
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
        let by_reference = r#"{"after":"19700101000000.000000","events":[{"id":"20240101120000.123456","type":"message","audience":{"set":"ab"},"data":{}}],"sets":{"ab":{"users":["alice","bob","carol"]}}}"#;
        let referring: Batch = serde_json::from_str(by_reference).unwrap();
        assert_eq!(serde_json::to_string(&referring).unwrap(), by_reference);
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
                audience: Audience::Users(users).into(),
                data: RawValue::from_string("{}".to_owned()).unwrap().into(),
                origin: Some("0".repeat(36)),
            };
            let json = serde_json::to_string(&event).unwrap().len();
            assert!(json <= 2 * event.size(), "{json} bytes, {}", event.size());
        }
    }

    #[test]
    fn a_reference_is_looked_up_in_the_batch_and_then_in_what_is_known() {
        let users = Arc::new(Audience::Users(["a", "b", "c"].map(str::to_owned).to_vec()));
        let mut sets = Sets::default();
        let event = Event {
            id: EventId::from_micros(1).unwrap(),
            kind: "message".to_owned(),
            audience: sets.refer(&users),
            data: RawValue::from_string("{}".to_owned()).unwrap().into(),
            origin: None,
        };
        let alone = Batch::new(EventId::ZERO, vec![event.clone()]);
        assert_eq!(alone.clone().resolve(|_| None).unwrap_err(), UnknownSet);
        let known = alone.resolve(|id| sets.get(id).cloned()).unwrap();
        let with = Batch { after: EventId::ZERO, events: vec![event], sets: sets.clone() };
        for resolved in [known, with.resolve(|_| None).unwrap()] {
            assert_eq!(resolved.events[0].audience, users);
            assert!(resolved.sets.is_empty());
        }
    }

    #[test]
    fn what_fits_is_counted_from_the_first_on() {
        for (room, count) in [(0, 0), (9, 0), (10, 1), (29, 1), (30, 2), (60, 3)] {
            assert_eq!(fitting([10, 20, 30], room), count, "{room}");
        }
    }
}
