//! [`Talk`]: what a WebSocket needs besides what every stream needs.

use std::time::Instant;

use super::{
    desk::Desk,
    link::{Link, Partner},
    outlet::Outlet,
    peer::Peer,
};
use crate::{
    config::FrameLimits,
    event::{connection_id::ConnectionId, scope::Scope},
};

/// What a WebSocket needs besides what every stream needs.
#[derive(Clone)]
pub struct Talk {
    /// What clients may send.
    pub limits: FrameLimits,
    /// Who carries out their frames; without it they are sent back.
    pub desk: Option<Desk>,
}

impl Talk {
    /// The same, for this client.
    pub fn with(&self, peer: Peer) -> Self {
        let desk = self.desk.as_ref().map(|desk| desk.for_peer(peer));
        Self { limits: self.limits, desk }
    }

    /// The protocol's side of a new connection.
    pub fn link(
        &self,
        id: ConnectionId,
        client_id: &str,
        scope: &Scope,
        outlet: impl FnOnce() -> Box<dyn Outlet>,
    ) -> Link {
        let partner = self.desk.as_ref().map_or(Partner::Echo, |desk| {
            Partner::Service(desk.mailbox(id, client_id.to_owned(), scope.clone(), outlet()))
        });
        Link::new(self.limits, partner, Instant::now())
    }
}
