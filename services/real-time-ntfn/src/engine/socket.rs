//! The options of a stream's socket.

use std::{any::Any, time::Duration};

use actix_web::rt::net::TcpStream;
use socket2::{SockRef, TcpKeepalive};

/// Unsent bytes that the system keeps for one client. What does not fit stays in the ring, where
/// it is shared.
const SEND_BUFFER: usize = 64 * 1024;

/// Sets a connection's options; for `HttpServer::on_connect`.
///
/// `stall` bounds how long sent bytes may go unacknowledged, and how long a closed window may
/// stay closed: it is what ends clients that take nothing and those that have vanished.
pub fn prepare(connection: &dyn Any, stall: Duration) {
    let Some(stream) = connection.downcast_ref::<TcpStream>() else {
        return;
    };
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new().with_time(Duration::from_secs(60));
    let options = [
        #[cfg(target_os = "linux")]
        socket.set_tcp_user_timeout(Some(stall)),
        socket.set_send_buffer_size(SEND_BUFFER),
        socket.set_tcp_keepalive(&keepalive),
    ];
    // The connection works without them, only less tidily.
    for error in options.into_iter().filter_map(Result::err) {
        tracing::debug!(%error, "a socket option is not available");
    }
}
