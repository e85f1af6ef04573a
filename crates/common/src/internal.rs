//! Bodies of the requests that the services make of each other, besides the log itself, and how large
//! those may be.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{id::EventId, name::MAX_KEY_BYTES, problem::Problem};

/// The largest body of a request between the services, in bytes. Whoever takes one refuses a larger
/// one with 413, so whoever makes one bounds what it puts in.
pub const MAX_BODY: usize = 4 * 1024 * 1024;

/// The most passing facts in one push.
pub const MAX_FACTS: usize = 1_000;

/// The most users in a [`DeliveredBatch`].
pub const MAX_REPORTED: usize = 1_000;

/// The most users in a [`ContactsOf`].
pub const MAX_ASKED: usize = 500;

/// The most clients in an [`IdentifyBatch`].
pub const MAX_IDENTIFIED: usize = 64;

/// The most public rooms that one stream watches.
pub const MAX_ROOMS: usize = 50;

/// The most messages of each room that a stream begins with.
pub const MAX_HISTORY: u32 = 200;

/// The most undelivered messages that a stream begins with.
pub const MAX_UNDELIVERED: u32 = 5_000;

/// The most bytes of what is said that a stream begins with: of history as much as fits, of what
/// was missed all or nothing. It is held in memory until the client has read it.
pub const MAX_BEGINNING: usize = 4 * 1024 * 1024;

// A byte of a key becomes at most two in JSON; the rest of an entry is an id and two field names.
const _: () = assert!(MAX_REPORTED * (2 * MAX_KEY_BYTES + 64) < MAX_BODY);
const _: () = assert!(MAX_ASKED * (2 * MAX_KEY_BYTES + 64) < MAX_BODY);

/// `POST /internal/identify`: who are they? Everybody who comes at the same time is asked about at
/// once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentifyBatch {
    /// At most [`MAX_IDENTIFIED`].
    pub clients: Vec<Identify>,
}

/// The answer to an [`IdentifyBatch`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentifiedBatch {
    /// One for each client, in the same order.
    pub clients: Vec<IdentifyAnswer>,
}

/// What is said of one client; what is wrong with one is no other's business.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentifyAnswer {
    /// Who it is.
    Identified(Identified),
    /// What it would be told if it had asked itself.
    Refused(Problem),
}

/// Who is behind a stream, and may it watch these rooms?
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identify {
    /// From `Authorization` or the cookie.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub token: Option<String>,
    /// From the query.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ticket: Option<String>,
    /// As the client calls itself, where identities are taken as given.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub username: Option<String>,
    /// The public rooms it asks for.
    #[serde(default)]
    pub rooms: Vec<String>,
    /// Whether it only asks something: then a name that nobody has is not made known.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub only_asks: bool,
}

/// The answer to [`Identify`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identified {
    /// Nobody, if the client did not say and did not have to.
    pub user: Option<UserRef>,
    /// Whether a credential showed it; else it is taken as given.
    pub authenticated: bool,
    /// When the credential ends, in seconds since 1970.
    pub expires_at: Option<u64>,
    /// The epoch of the user's sessions that the credential belongs to. A session event with a
    /// greater one ends the stream.
    pub epoch: u64,
    /// The rooms, all of which exist.
    pub rooms: Vec<String>,
    /// Up to this event, nothing waits that has not been delivered to the user: their stream can
    /// begin here, and needs nothing first. Without it, that has to be asked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub received: Option<EventId>,
}

/// A user, by the name that people see and the key by which services compare.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct UserRef {
    /// As first written.
    pub name: String,
    /// Folded: equal for two names exactly when they are the same user.
    pub key: String,
}

/// `POST /internal/frames`: what a client sent over its WebSocket.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClientFrame {
    /// Who.
    pub user: Option<UserRef>,
    /// Whether a credential showed it.
    pub authenticated: bool,
    /// The epoch of the user's sessions that this one belongs to, as [`Identified`] said.
    #[serde(default)]
    pub epoch: u64,
    /// From where: what changes something is in the rate of its address, whichever way it comes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub address: Option<IpAddr>,
    /// Over which connection; see [`Event::origin`](crate::Event).
    pub origin: String,
    /// The frame: an object with a `type`.
    pub frame: serde_json::Value,
}

impl ClientFrame {
    /// What it is about; a message, unless it says something else.
    pub fn kind(&self) -> &str {
        self.frame.get("type").and_then(serde_json::Value::as_str).unwrap_or("message")
    }
}

/// The answer to [`ClientFrame`].
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct FrameReply {
    /// What the client is told, if anything: an `ack` or an `error`.
    pub reply: Option<serde_json::Value>,
}

/// `POST /internal/delivered`: what has reached whom.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveredBatch {
    /// One entry a user.
    pub delivered: Vec<Delivered>,
}

/// Everything that is addressed to a user, up to an event, has reached a client of theirs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivered {
    /// The user's key.
    pub user: String,
    /// The last event that did.
    pub up_to: EventId,
    /// Whether that is known of direct messages only: the client's format has no others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub direct: bool,
}

/// `POST /internal/contacts`: whom these users share a private conversation with. The answer is
/// an object of lists, all of keys.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ContactsOf {
    /// Keys.
    pub users: Vec<String>,
}
