//! [`HandOver`]: how a stream leaves the hub and lives on in a shard.

use std::{collections::VecDeque, net::TcpStream};

use bytes::Bytes;
use common::EventId;

use super::{NewConnection, Shards};
use crate::{event::frame::Framing, hub::Subscriber, opening::admission::Permit, ws::Talk};

/// What a stream takes with it into a shard, besides its place in the hub.
pub struct HandOver {
    /// Its socket, not blocking.
    pub socket: TcpStream,
    /// What is written before anything of the hub's: the head of the response, to begin with.
    pub preface: VecDeque<Bytes>,
    /// What HTTP puts around all frames after that.
    pub framing: Framing,
    /// The last event addressed to its user in there.
    pub preface_up_to: Option<EventId>,
    /// Its place among the admitted.
    pub permit: Permit,
    /// The name it goes by in the log.
    pub client_id: String,
    /// If its client talks, too.
    pub talk: Option<Talk>,
}

impl Shards {
    /// Lets a stream live on in a shard. Should the last shard fail at this very moment, the
    /// socket is closed, and the client comes back.
    pub fn take_over(&self, mut subscriber: Subscriber, with: HandOver) {
        let HandOver { socket, preface, framing, preface_up_to, permit, client_id, talk } = with;
        self.add(NewConnection {
            socket,
            preface,
            framing,
            preface_up_to,
            scope: subscriber.scope().clone(),
            wire: subscriber.wire(),
            id: subscriber.id(),
            talk,
            place: subscriber.place(),
            permit,
            client_id,
            arrival: subscriber.take_arrival(),
        });
        // It leaves the hub only now: there is no moment at which it is in neither.
        drop(subscriber);
    }
}
