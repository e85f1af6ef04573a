//! Streams opened as fast as they can be, and held: for what opening costs, not for what they bring.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use memchr::memmem;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::crowd::connect;
use super::http::Head;
use crate::{clock, interrupt};

/// How long all of them may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// What one client sends, and by what it knows that its subscription stands.
pub(crate) struct Greeting {
    /// The request.
    pub(crate) request: Vec<u8>,
    /// What it sends once that is answered, where the protocol has it so.
    pub(crate) then: Option<Vec<u8>>,
    /// What stands in the answer once the subscription does.
    pub(crate) ready: &'static [u8],
}

/// Streams that stand; dropping it closes them.
pub(crate) struct Held {
    /// How long it took from the first connection until all stood, in seconds.
    pub(crate) seconds: f64,
    _sockets: Vec<TcpStream>,
}

/// One whose stream is not open yet.
pub(super) struct Client {
    socket: TcpStream,
    greeting: Greeting,
    is_greeted: bool,
    /// Whether the head of the response has come, and was a good one.
    is_answered: bool,
    unread: Vec<u8>,
}

/// Opens `count` streams, at most `outstanding` at a time, each from its own source address, and
/// returns when all stand. One that is refused is an error.
pub(crate) fn open(
    to: SocketAddr,
    count: usize,
    outstanding: usize,
    greeting: impl Fn(usize) -> Greeting,
) -> Result<Held> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(1_024);
    let mut clients: Vec<Option<Client>> = Vec::with_capacity(count);
    let mut sockets = Vec::with_capacity(count);
    let mut buffer = vec![0; 64 * 1024];
    let (start, mut under_way) = (clock::now(), 0);
    while sockets.len() < count {
        interrupt::check()?;
        while clients.len() < count && under_way < outstanding {
            let number = clients.len();
            let mut socket = connect(number, to)?;
            let interest = Interest::READABLE | Interest::WRITABLE;
            poll.registry().register(&mut socket, Token(number), interest)?;
            clients.push(Some(Client::new(socket, greeting(number))));
            under_way += 1;
        }
        match poll.poll(&mut events, Some(Duration::from_millis(100))) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            polled => polled?,
        }
        for event in &events {
            let slot = &mut clients[event.token().0];
            let Some(client) = slot else { continue };
            let number = event.token().0;
            if !client.turn(&mut buffer).with_context(|| format!("client {number}"))? {
                continue;
            }
            if let Some(client) = slot.take() {
                // It stays registered, and is not looked at any more: a server's heartbeats are read
                // by nobody, and fit into its socket.
                sockets.push(client.into_socket());
                under_way -= 1;
            }
        }
        ensure!(
            clock::now() - start < clock::nanos(PATIENCE),
            "{} of {count} streams stand after {PATIENCE:?}",
            sockets.len()
        );
    }
    Ok(Held { seconds: (clock::now() - start) as f64 / 1e9, _sockets: sockets })
}

impl Client {
    /// One that has begun to connect.
    pub(super) fn new(socket: TcpStream, greeting: Greeting) -> Self {
        Self { socket, greeting, is_greeted: false, is_answered: false, unread: Vec::new() }
    }

    pub(super) fn into_socket(self) -> TcpStream {
        self.socket
    }

    /// Goes on as far as it can; returns whether its subscription stands.
    pub(super) fn turn(&mut self, buffer: &mut [u8]) -> Result<bool> {
        if !self.is_greeted {
            if let Some(error) = self.socket.take_error()? {
                return Err(error.into());
            }
            if self.socket.peer_addr().is_err() {
                return Ok(false);
            }
            // A fresh socket takes some hundred bytes at once.
            self.socket.write_all(&self.greeting.request)?;
            self.is_greeted = true;
        }
        loop {
            match self.socket.read(buffer) {
                Ok(0) => bail!("closed: {}", String::from_utf8_lossy(&self.unread)),
                Ok(read) => self.unread.extend_from_slice(&buffer[..read]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        if !self.is_answered {
            let Some(head) = Head::parse(&self.unread)? else {
                return Ok(false);
            };
            let text = || String::from_utf8_lossy(&self.unread);
            ensure!(matches!(head.status, 101 | 200), "refused: {}", text());
            self.is_answered = true;
            if let Some(then) = self.greeting.then.take() {
                self.socket.write_all(&then)?;
            }
        }
        let busy = memmem::find(&self.unread, b"event: busy").is_some();
        ensure!(!busy, "told to come back: {}", String::from_utf8_lossy(&self.unread));
        Ok(memmem::find(&self.unread, self.greeting.ready).is_some())
    }
}
