//! [`Outlet`]: the way back to one connection, wherever it lives.

use std::collections::VecDeque;

use bytes::Bytes;
use common::EventId;
use tokio::sync::mpsc;

use crate::{
    hub::Subscriber,
    scope::Scope,
    shard::{Address, Relocation},
};

/// Replies to a connection on the portable path that may wait. It has fewer messages under way.
pub const MOST_REPLIES: usize = 64;

/// What one connection is told.
pub enum Tell {
    /// Write this frame.
    Say(Bytes),
    /// Go on from another place.
    Begin(Box<Beginning>),
}

/// Another place to go on from.
pub struct Beginning {
    /// What it watches from now on.
    pub scope: Scope,
    /// What comes first.
    pub preface: VecDeque<Bytes>,
    /// The last event addressed to the user in there.
    pub preface_up_to: Option<EventId>,
    /// The place.
    pub subscriber: Subscriber,
}

/// The way back to one connection.
pub enum Outlet {
    /// In a shard.
    Shard(Address),
    /// In a response body.
    Portable(mpsc::Sender<Tell>),
}

impl Outlet {
    /// Tells the connection; nothing happens if it has ended.
    pub fn tell(&self, what: Tell) {
        match (self, what) {
            (Self::Shard(address), Tell::Say(frame)) => address.say(frame),
            (Self::Shard(address), Tell::Begin(beginning)) => {
                let Beginning { scope, preface, preface_up_to, subscriber } = *beginning;
                // The subscriber stays here: it may own the shards, and must not die in one.
                let place = subscriber.place();
                address.relocate(Relocation { scope, preface, preface_up_to, place });
            }
            (Self::Portable(sender), what) => {
                // A connection that takes no replies sends nothing either.
                if sender.try_send(what).is_err() {
                    tracing::debug!("a reply had no reader");
                }
            }
        }
    }
}
