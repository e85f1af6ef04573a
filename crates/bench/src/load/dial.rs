//! [`Dial`]: a connection from a loopback address that is chosen, so that a server sees neighbours.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};
use socket2::{Domain, Protocol, Socket, Type};

/// `EINPROGRESS`, which std has no stable name for.
const IN_PROGRESS: i32 = rustix::io::Errno::INPROGRESS.raw_os_error();

/// From where to where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dial {
    pub(crate) from: Ipv4Addr,
    pub(crate) to: SocketAddr,
    /// Bytes that the kernel may keep for a reader that does not come; as usual if `None`.
    pub(crate) receive_buffer: Option<usize>,
}

impl Dial {
    pub(crate) fn new(from: Ipv4Addr, to: SocketAddr) -> Self {
        Self { from, to, receive_buffer: None }
    }

    /// Connects; whatever is read or written later waits no longer than `patience` either.
    pub(crate) fn connect(self, patience: Duration) -> Result<TcpStream> {
        let socket = self.socket()?;
        socket.connect_timeout(&self.to.into(), patience)?;
        socket.set_read_timeout(Some(patience))?;
        socket.set_write_timeout(Some(patience))?;
        Ok(socket.into())
    }

    /// Begins to connect, and does not wait.
    pub(crate) fn begin(self) -> Result<mio::net::TcpStream> {
        let socket = self.socket()?;
        socket.set_nonblocking(true)?;
        match socket.connect(&self.to.into()) {
            Err(error) if error.raw_os_error() != Some(IN_PROGRESS) => Err(error.into()),
            _ => Ok(mio::net::TcpStream::from_std(socket.into())),
        }
    }

    fn socket(self) -> Result<Socket> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket.set_tcp_nodelay(true)?;
        // Closing resets: those that come again and again leave no TIME_WAIT behind.
        socket.set_linger(Some(Duration::ZERO))?;
        if let Some(bytes) = self.receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        socket.bind(&SocketAddr::from((self.from, 0)).into()).context("bind a source")?;
        Ok(socket)
    }
}
