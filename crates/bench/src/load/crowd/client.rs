//! One SSE client: its connection, where its stream stands, and what it has to receive next.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use memchr::memmem;
use mio::net::TcpStream;

use super::plan::{Stream, source, user_name};
use super::record::Record;
use crate::clock;
use crate::load::dial::Dial;
use crate::load::http::{self, Body, Head};
use crate::load::mark::Mark;
use crate::load::sse;

/// What a browser waits when the server named no time.
const DEFAULT_RETRY: Duration = Duration::from_secs(3);

pub(super) struct Client {
    number: u32,
    pub(super) socket: Option<TcpStream>,
    progress: Progress,
    parser: sse::Parser,
    retry: Duration,
    /// The last event id; ids here are at most 40 bytes, and a fixed array keeps a client small.
    cursor: ([u8; 40], u8),
    next: u32,
    /// When the first attempt after a cut was due; the start of its return.
    due_back: Option<u64>,
}

enum Progress {
    Connecting,
    Head(Vec<u8>),
    Body { body: Body, ready: bool },
}

/// What a turn of reading led to.
#[derive(PartialEq, Eq)]
pub(super) enum Turn {
    /// Everything there was has been read.
    Drained,
    /// The stream is over.
    Ended,
}

/// Begins to connect the client with this number, from a source address of its own.
pub(crate) fn connect(number: usize, to: SocketAddr) -> Result<TcpStream> {
    Dial::new(source(number), to).begin()
}

impl Client {
    pub(super) fn new(number: usize) -> Self {
        Self {
            number: number as u32,
            socket: None,
            progress: Progress::Connecting,
            parser: sse::Parser::default(),
            retry: DEFAULT_RETRY,
            cursor: ([0; 40], 0),
            next: 0,
            due_back: None,
        }
    }

    /// Begins to connect, from its own source address.
    pub(super) fn connect(&mut self, stream: &Stream) -> Result<&mut TcpStream> {
        let number = self.number as usize;
        let socket = connect(number, stream.to_of(number))?;
        self.progress = Progress::Connecting;
        self.parser.reset();
        Ok(self.socket.insert(socket))
    }

    /// Goes on wherever the socket's readiness allows.
    pub(super) fn turn(
        &mut self,
        stream: &Stream,
        expect: u32,
        ended: bool,
        buffer: &mut [u8],
        record: &mut Record,
    ) -> Result<Turn> {
        if matches!(self.progress, Progress::Connecting) && !self.greet(stream)? {
            return Ok(Turn::Drained);
        }
        loop {
            let Some(socket) = &mut self.socket else {
                return Ok(Turn::Drained);
            };
            let read = match socket.read(buffer) {
                Ok(0) => return Ok(Turn::Ended),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Turn::Drained);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return Ok(Turn::Ended),
            };
            self.take(&buffer[..read], stream, expect, record)?;
            if matches!(&self.progress, Progress::Body { body, .. } if body.is_done()) {
                return Ok(Turn::Ended);
            }
            // A short read has emptied the socket; asking again would cost a call per delivery.
            if read < buffer.len() && !ended {
                return Ok(Turn::Drained);
            }
        }
    }

    /// Sends the request once the connection stands; false while it does not.
    fn greet(&mut self, stream: &Stream) -> Result<bool> {
        let Some(socket) = &mut self.socket else {
            return Ok(false);
        };
        if let Some(error) = socket.take_error()? {
            return Err(error.into());
        }
        if socket.peer_addr().is_err() {
            return Ok(false);
        }
        let mut extra = String::from("Accept: text/event-stream\r\n");
        let id = &self.cursor.0[..usize::from(self.cursor.1)];
        if self.due_back.is_some() && !id.is_empty() {
            extra = format!("{extra}Last-Event-ID: {}\r\n", String::from_utf8_lossy(id));
        }
        // A fresh socket takes a few hundred bytes at once.
        let path = stream.path_of(self.number as usize);
        let to = stream.to_of(self.number as usize);
        let request = http::request("GET", to, &path, &extra, "");
        socket.write_all(&request)?;
        self.progress = Progress::Head(Vec::new());
        Ok(true)
    }

    fn take(
        &mut self,
        bytes: &[u8],
        stream: &Stream,
        expect: u32,
        record: &mut Record,
    ) -> Result<()> {
        let collected;
        let mut bytes = bytes;
        if let Progress::Head(head) = &mut self.progress {
            head.extend_from_slice(bytes);
            let Some(parsed) = Head::parse(head)? else {
                return Ok(());
            };
            collected = head.split_off(parsed.len);
            bytes = &collected;
            if parsed.status != 200 {
                record.tally.refused += 1;
                anyhow::bail!("answered {} to {}", parsed.status, stream.path);
            }
            let ready = !stream.says_ready;
            record.tally.ready += u64::from(ready);
            self.progress = Progress::Body { body: parsed.body, ready };
        }
        let Progress::Body { mut body, mut ready } = self.progress else {
            return Ok(());
        };
        record.tally.bytes += bytes.len() as u64;
        let now = clock::now();
        let mut parser = std::mem::take(&mut self.parser);
        let fed = body.feed(bytes, |content| {
            parser.feed(content, |block| {
                if !ready && block.name == b"ready" {
                    ready = true;
                    record.tally.ready += 1;
                }
                self.receive(&block, stream, expect, now, record);
            });
        });
        self.parser = parser;
        self.progress = Progress::Body { body, ready };
        fed
    }

    fn receive(
        &mut self,
        block: &sse::Block<'_>,
        stream: &Stream,
        expect: u32,
        now: u64,
        record: &mut Record,
    ) {
        let tally = &mut record.tally;
        if let Some(retry) = block.retry {
            self.retry = Duration::from_millis(retry);
        }
        tally.sent_away += u64::from(block.name == b"reset" || block.name == b"busy");
        tally.receipts += u64::from(block.name == b"receipt");
        let mark = block.data.as_deref().and_then(Mark::find);
        if let Some(id) = block.id.filter(|id| id.len() <= 40) {
            if stream.ids_grow && mark.is_some() && id <= self.last_id() {
                tally.disordered += 1;
            }
            self.cursor.0[..id.len()].copy_from_slice(id);
            self.cursor.1 = id.len() as u8;
        }
        let Some(mark) = mark else { return };
        tally.deliveries += 1;
        record.latency.record(now.saturating_sub(mark.sent));
        if mark.seq < self.next {
            tally.repeated += 1;
            return;
        }
        if stream.by_name {
            let name = format!("\"{}\"", user_name(self.number as usize));
            let data = block.data.as_deref().unwrap_or_default();
            tally.misdirected += u64::from(memmem::find(data, name.as_bytes()).is_none());
        } else {
            tally.lost += u64::from(mark.seq - self.next);
        }
        self.next = mark.seq + 1;
        if self.next == expect {
            tally.complete += 1;
            tally.last_complete = now;
            if let Some(due) = self.due_back {
                tally.slowest_return = tally.slowest_return.max(now.saturating_sub(due));
            }
        }
    }

    /// Notes the end of its stream and returns when to come back, by the clock.
    pub(super) fn leave(&mut self, record: &mut Record) -> u64 {
        let now = clock::now();
        if matches!(self.progress, Progress::Body { ready: true, .. }) {
            record.tally.ready -= 1;
            record.tally.cut += 1;
        }
        self.socket = None;
        self.progress = Progress::Connecting;
        let due = now + clock::nanos(self.retry);
        // The server being away is no fault of the client, but its wait counts from the first
        // attempt it was told to make.
        self.due_back.get_or_insert(due);
        due
    }

    /// Whether its subscription stands.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.progress, Progress::Body { .. })
    }

    fn last_id(&self) -> &[u8] {
        &self.cursor.0[..usize::from(self.cursor.1)]
    }
}
