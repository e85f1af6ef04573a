//! A keep-alive HTTP connection for one request at a time.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::dial::Dial;
use super::http::{self, Head};

/// Longer than any answer should take, short enough to end a run that hangs.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Poster {
    to: SocketAddr,
    socket: TcpStream,
    received: Vec<u8>,
}

/// A complete answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Poster {
    pub(crate) fn connect(to: SocketAddr) -> Result<Self> {
        let socket = TcpStream::connect_timeout(&to, PATIENCE)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { to, socket, received: Vec::new() })
    }

    /// From an address of one's choice; waits for anything no longer than `patience`.
    pub(crate) fn dial(dial: Dial, patience: Duration) -> Result<Self> {
        Ok(Self { to: dial.to, socket: dial.connect(patience)?, received: Vec::new() })
    }

    /// Whether the server has closed the connection since the last answer, as it may: nothing was
    /// asked, so nothing was refused.
    pub(crate) fn is_closed(&self) -> bool {
        let peeked = self.socket.set_nonblocking(true).and_then(|()| self.socket.peek(&mut [0]));
        let is_open = peeked.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
        self.socket.set_nonblocking(false).is_err() || !is_open
    }

    pub(crate) fn get(&mut self, path: &str) -> Result<Answer> {
        self.ask("GET", path, "")
    }

    /// Posts JSON; anything but success is an error.
    pub(crate) fn post(&mut self, path: &str, body: &str) -> Result<Answer> {
        let answer = self.ask("POST", path, body)?;
        ensure!(
            (200..300).contains(&answer.status),
            "POST {path} answered {}: {}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        );
        Ok(answer)
    }

    /// The answer to a request, whatever it is.
    pub(crate) fn ask(&mut self, method: &str, path: &str, body: &str) -> Result<Answer> {
        self.socket.write_all(&http::request(method, self.to, path, "", body))?;
        self.received.clear();
        let head = loop {
            self.read()?;
            if let Some(head) = Head::parse(&self.received)? {
                break head;
            }
        };
        let (mut framing, mut body) = (head.body, Vec::new());
        let mut fresh = self.received.split_off(head.len);
        loop {
            framing.feed(&fresh, |content| body.extend_from_slice(content))?;
            if framing.is_done() {
                return Ok(Answer { status: head.status, body });
            }
            self.received.clear();
            self.read()?;
            fresh = std::mem::take(&mut self.received);
        }
    }

    /// The value of one of the metrics that the server tells.
    pub(crate) fn metric(&mut self, name: &str) -> Result<f64> {
        let text = String::from_utf8(self.get("/metrics")?.body)?;
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(value.with_context(|| format!("no {name} among the metrics"))?.parse()?)
    }

    fn read(&mut self) -> Result<()> {
        let mut buffer = [0; 16 * 1024];
        let read =
            self.socket.read(&mut buffer).with_context(|| format!("an answer of {}", self.to))?;
        ensure!(read > 0, "{} closed the connection before its answer", self.to);
        self.received.extend_from_slice(&buffer[..read]);
        Ok(())
    }
}
