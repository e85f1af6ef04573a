//! [`Bounds`]: what connections may take.

use std::{net::TcpListener, time::Duration};

use socket2::{SockRef, TcpKeepalive};

use crate::address::Shares;

/// What connections may take.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How many of one address there may be; 0 for any number, and then no address has a share of
    /// anything.
    pub per_address: usize,
    /// Whether limits by address hold for loopback too.
    pub limits_loopback: bool,
    /// How long sent bytes may go unacknowledged, and how long a closed window may stay closed.
    pub stall: Duration,
    /// Unsent bytes that the system keeps for one client.
    pub send_buffer: usize,
}

impl Bounds {
    /// Which addresses have a share of their own.
    pub fn shares(&self) -> Shares {
        Shares { by_address: self.per_address > 0, loopback: self.limits_loopback }
    }

    /// Has the system keep to them on all connections that are accepted here, which inherit what is set,
    /// and send what is written at once. Set on each of them it would be five calls for each.
    pub(super) fn set(&self, listener: &TcpListener) {
        let socket = SockRef::from(listener);
        let keepalive = TcpKeepalive::new().with_time(Duration::from_secs(60));
        let options = [
            #[cfg(target_os = "linux")]
            socket.set_tcp_user_timeout(Some(self.stall)),
            socket.set_send_buffer_size(self.send_buffer),
            socket.set_tcp_keepalive(&keepalive),
            socket.set_tcp_nodelay(true),
        ];
        // Connections work without them, only less tidily.
        for error in options.into_iter().filter_map(Result::err) {
            tracing::debug!(%error, "a socket option is not available");
        }
    }
}
