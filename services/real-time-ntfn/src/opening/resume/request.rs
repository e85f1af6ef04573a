//! [`Request`]: what a stream asks for, and what comes of it: a [`Start`], or [`NotNow`].

use std::{collections::VecDeque, net::IpAddr};

use common::EventId;
use http_kit::{connections::TooMuch, turns::Crowded};

use crate::{
    event::{frame::Frame, scope::Scope, wire::Wire},
    hub::{Arrival, Subscriber},
};

/// Where a client says that it stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cursor {
    /// It has none.
    None,
    /// It returns, and has all that came before this event and the event itself.
    At(EventId),
    /// It begins after this event, with a list that reaches as far.
    From(EventId),
    /// It has one that is no id.
    Unreadable,
}

/// What a stream asks for.
pub struct Request {
    /// What it watches.
    pub scope: Scope,
    /// Up to here nothing waits for its user that has not been delivered, if that is known.
    pub received: Option<EventId>,
    /// Where it stopped.
    pub cursor: Cursor,
    /// How many of the last messages it wants first, if it has no cursor.
    pub history: u32,
    /// What it calls itself.
    pub client_id: String,
    /// How it is written.
    pub wire: Wire,
    /// Since before it was asked whose the stream is.
    pub arrival: Arrival,
    /// Where its client is.
    pub address: IpAddr,
}

/// How a stream begins.
pub struct Start {
    /// What is sent before anything of the hub's.
    pub preface: VecDeque<Frame>,
    /// The last event addressed to the user in there.
    pub preface_up_to: Option<EventId>,
    /// Its place in the hub.
    pub subscriber: Subscriber,
    /// For the metrics.
    pub from: &'static str,
}

/// Why a stream cannot begin now; the client comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotNow {
    /// The event log is not loaded yet.
    Starting,
    /// The message service is needed, and does not answer.
    Upstream,
    /// Too many others are served before it.
    Crowded,
}

impl From<TooMuch> for NotNow {
    fn from(TooMuch: TooMuch) -> Self {
        Self::Crowded
    }
}

impl From<Crowded> for NotNow {
    fn from(Crowded: Crowded) -> Self {
        Self::Crowded
    }
}
