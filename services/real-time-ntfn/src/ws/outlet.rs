//! [`Outlet`]: the way back to one connection, wherever it lives.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use common::EventId;
use tokio::sync::mpsc;

use crate::{
    hub::Subscriber,
    scope::Scope,
    shard::{Address, Relocation},
};

/// Replies to a connection on the portable path that may wait, besides those to a whole burst. A
/// client that has asked for more, and reads none, is too slow.
pub const MOST_REPLIES: usize = 256;

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
    /// In a response body. Nothing is left once the client has not taken its replies: that ends
    /// the connection.
    Portable(Mutex<Option<mpsc::Sender<Tell>>>),
}

impl Outlet {
    /// The way back to a connection whose replies are taken from a channel. The channel is closed
    /// when it overflows.
    pub fn portable(sender: mpsc::Sender<Tell>) -> Self {
        Self::Portable(Mutex::new(Some(sender)))
    }

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
                let mut sender = sender.lock().unwrap_or_else(PoisonError::into_inner);
                if sender.as_ref().is_some_and(|sender| sender.try_send(what).is_err()) {
                    *sender = None;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_that_are_not_taken_end_the_connection_and_none_is_left_out() {
        let (sender, mut replies) = mpsc::channel(2);
        let outlet = Outlet::portable(sender);
        for reply in ["1", "2", "3", "4"] {
            outlet.tell(Tell::Say(Bytes::from_static(reply.as_bytes())));
        }
        let mut taken = Vec::new();
        while let Some(Tell::Say(reply)) = replies.blocking_recv() {
            taken.push(reply);
        }
        // Then the channel is closed, which the connection takes for its end.
        assert_eq!(taken, ["1", "2"]);
    }
}
