//! [`Bounds`]: what connections may take.

use std::{
    io,
    net::{IpAddr, SocketAddr, TcpListener},
    time::Duration,
};

use socket2::{Domain, Socket, TcpKeepalive, Type};

use crate::{address::Shares, settings::SettingError};

/// Connections that may wait to be accepted. When a server comes back, all its clients do.
const BACKLOG: i32 = 4_096;

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

    /// Listens on an address, or says in one line why not; `variable` is what sets the port. Connections keep
    /// to these bounds, as far as that is the system's to do.
    pub fn listen(
        &self,
        variable: &str,
        host: IpAddr,
        port: u16,
    ) -> Result<TcpListener, SettingError> {
        let address = SocketAddr::new(host, port);
        self.bind(address).map_err(|error| {
            let reason = format!("choose a free port, {address} says: {error}");
            SettingError::new(variable, port, reason)
        })
    }

    /// What is set here is inherited by all connections, also by those that come before they are accepted.
    fn bind(&self, address: SocketAddr) -> io::Result<TcpListener> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        // A restarted service must not wait until the connections of the old one have faded.
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        let keepalive = TcpKeepalive::new().with_time(Duration::from_secs(60));
        let options = [
            #[cfg(target_os = "linux")]
            socket.set_tcp_user_timeout(Some(self.stall)),
            socket.set_send_buffer_size(self.send_buffer),
            socket.set_tcp_keepalive(&keepalive),
            // Small events must not wait for what was sent before to be acknowledged.
            socket.set_tcp_nodelay(true),
        ];
        // Connections work without them, only less tidily.
        for error in options.into_iter().filter_map(Result::err) {
            tracing::debug!(%error, "a socket option is not available");
        }
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    }
}
