//! A keep-alive HTTP connection for one request at a time.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

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

    pub(crate) fn get(&mut self, path: &str) -> Result<Answer> {
        self.send(&http::request("GET", self.to, path, "", ""))
    }

    /// Posts JSON; anything but success is an error.
    pub(crate) fn post(&mut self, path: &str, body: &str) -> Result<Answer> {
        let answer = self.send(&http::request("POST", self.to, path, "", body))?;
        ensure!(
            (200..300).contains(&answer.status),
            "POST {path} answered {}: {}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        );
        Ok(answer)
    }

    fn send(&mut self, request: &[u8]) -> Result<Answer> {
        self.socket.write_all(request)?;
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

    fn read(&mut self) -> Result<()> {
        let mut buffer = [0; 16 * 1024];
        let read =
            self.socket.read(&mut buffer).with_context(|| format!("an answer of {}", self.to))?;
        ensure!(read > 0, "{} closed the connection before its answer", self.to);
        self.received.extend_from_slice(&buffer[..read]);
        Ok(())
    }
}
