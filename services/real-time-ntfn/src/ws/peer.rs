//! [`Peer`]: what is known of a WebSocket's client, whoever it turns out to be.

use std::net::{IpAddr, Ipv4Addr};

/// What is known of a client, whoever it turns out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Where it is.
    pub address: IpAddr,
    /// Whether it says itself what was delivered to it.
    pub acknowledges: bool,
}

impl Default for Peer {
    /// Somebody somewhere.
    fn default() -> Self {
        Self { address: Ipv4Addr::UNSPECIFIED.into(), acknowledges: false }
    }
}
