//! [`Outlet`]: the way back to one connection, wherever it lives.

use std::collections::VecDeque;

use bytes::Bytes;
use common::EventId;

use crate::{
    event::{frame::Frame, scope::Scope},
    hub::Subscriber,
};

/// The way back to one connection. Whoever owns the socket brings it.
pub trait Outlet: Send + Sync {
    /// Tells the connection; nothing happens if it has ended.
    fn tell(&self, what: Tell);
}

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
    pub preface: VecDeque<Frame>,
    /// The last event addressed to the user in there.
    pub preface_up_to: Option<EventId>,
    /// The place.
    pub subscriber: Subscriber,
}
