//! WebSocket: the protocol without the socket, and what becomes of clients' frames.
//!
//! Whoever owns the socket, a shard or the portable path, gives what comes in to a [`Link`] and
//! does what it says. Messages leave through the connection's [`mailbox`] to the [`desk`], a task
//! that carries them out in order and answers through the connection's [`outlet`].
//!
//! | module | noun |
//! | --- | --- |
//! | `head`, `inbound`, `utf8` | from bytes to messages |
//! | `bucket` | how much a client may send |
//! | [`link`] | one connection's side of the protocol |
//! | [`close`] | why it ends |
//! | [`mailbox`] | its messages, in order |
//! | [`desk`] | who carries them out |
//! | `under_way` | whether what it was sent has been written |
//! | `said`, `reply` | what they mean, and what this service itself answers |
//! | [`outlet`] | the way back |
//! | [`service`] | what the service itself does with frames |

mod bucket;
pub mod close;
pub mod desk;
mod head;
mod inbound;
pub mod link;
pub mod mailbox;
pub mod outlet;
mod reply;
mod said;
pub mod service;
mod under_way;
mod utf8;

use std::time::Instant;

pub use desk::{Desk, Frames};
pub use link::{Act, Link};

use crate::{config::FrameLimits, connection_id::ConnectionId, scope::Scope};
use link::Partner;
use outlet::Outlet;

/// What a WebSocket needs besides what every stream needs.
#[derive(Clone)]
pub struct Talk {
    /// What clients may send.
    pub limits: FrameLimits,
    /// Who carries out their frames; without it they are sent back.
    pub desk: Option<Desk>,
}

impl Talk {
    /// The same, for a client that says itself what was delivered to it, or not.
    pub fn acknowledging(&self, acknowledges: bool) -> Self {
        let desk = self.desk.as_ref().map(|desk| desk.acknowledging(acknowledges));
        Self { limits: self.limits, desk }
    }

    /// The protocol's side of a new connection.
    pub fn link(
        &self,
        id: ConnectionId,
        client_id: &str,
        scope: &Scope,
        outlet: impl FnOnce() -> Outlet,
    ) -> Link {
        let partner = self.desk.as_ref().map_or(Partner::Echo, |desk| {
            Partner::Service(desk.mailbox(id, client_id.to_owned(), scope.clone(), outlet()))
        });
        Link::new(self.limits, partner, Instant::now())
    }
}
