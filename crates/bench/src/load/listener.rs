//! [`Listener`]: one stream of server-sent events that somebody waits for, with a deadline.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use memchr::memmem;

use super::dial::Dial;
use super::http::{self, Body, Head};
use super::sse::{Block, Parser};
use crate::clock;

/// A stream that stands.
pub(crate) struct Listener {
    socket: TcpStream,
    body: Body,
    parser: Parser,
}

impl Listener {
    /// Opens a stream and waits until it says that it is ready, for at most `patience`.
    pub(crate) fn open(dial: Dial, path: &str, patience: Duration) -> Result<Self> {
        let give_up = clock::now() + clock::nanos(patience);
        let mut socket = dial.connect(patience)?;
        let accept = "Accept: text/event-stream\r\n";
        socket.write_all(&http::request("GET", dial.to, path, accept, ""))?;
        let (mut received, mut buffer) = (Vec::new(), [0; 16 * 1024]);
        let head = loop {
            let read = socket.read(&mut buffer)?;
            ensure!(read > 0, "closed before an answer");
            received.extend_from_slice(&buffer[..read]);
            if let Some(head) = Head::parse(&received)? {
                break head;
            }
        };
        ensure!(head.status == 200, "a stream answered {}", head.status);
        let mut listener = Self { socket, body: head.body, parser: Parser::default() };
        let mut state = Opening::default();
        let mut fresh = received.split_off(head.len);
        loop {
            listener
                .body
                .feed(&fresh, |part| listener.parser.feed(part, |block| state.see(&block)))?;
            if let Some(told) = state.refused {
                bail!("a stream was told to come again: {told}");
            }
            if state.is_ready {
                return Ok(listener);
            }
            ensure!(clock::now() < give_up, "a stream is not ready in time");
            let read = listener.socket.read(&mut buffer)?;
            ensure!(read > 0, "a stream ended before it was ready");
            fresh = buffer[..read].to_vec();
        }
    }

    /// Reads once, for at most `wait`, and hands over what that completed.
    pub(crate) fn listen(
        &mut self,
        wait: Duration,
        mut on_block: impl FnMut(Block<'_>),
    ) -> Result<()> {
        self.socket.set_read_timeout(Some(wait))?;
        let mut buffer = [0; 64 * 1024];
        let read = match self.socket.read(&mut buffer) {
            Ok(0) => bail!("a stream ended"),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        self.body.feed(&buffer[..read], |part| self.parser.feed(part, &mut on_block))?;
        ensure!(!self.body.is_done(), "a stream ended");
        Ok(())
    }
}

/// What a stream has said of itself while it is opened.
#[derive(Default)]
struct Opening {
    is_ready: bool,
    refused: Option<String>,
}

impl Opening {
    fn see(&mut self, block: &Block<'_>) {
        match block.name {
            b"ready" => self.is_ready = true,
            b"busy" => {
                let data = block.data.as_deref().unwrap_or_default();
                let word = memmem::find(data, b"\"reason\":\"").map(|at| &data[at + 10..]);
                let word = word.and_then(|word| word.split(|byte| *byte == b'"').next());
                let word = String::from_utf8_lossy(word.unwrap_or(data)).into_owned();
                self.refused = Some(word);
            }
            _ => {}
        }
    }
}
