//! The bare loop: the least a server can do that sends each event to each client with one write(2).
//!
//! It is the floor without coalescing that RealTalk is compared with. It parses just enough HTTP,
//! keeps what a full socket did not take, sends heartbeats, and has no other feature.

use std::io::{self, Read, Write};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use anyhow::Result;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Registry, Token};
use rustix::process::Signal;
use slab::Slab;

const LISTENER: Token = Token(usize::MAX);
const HEARTBEAT_EVERY: Duration = Duration::from_secs(15);
const HEARTBEAT: &[u8] =
    b"event: heartbeat\ndata: {\"type\":\"heartbeat\",\"time\":\"2024-01-01T12:00:00Z\"}\n\n";
const STREAM_HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
    Cache-Control: no-store\r\nConnection: close\r\n\r\n\
    retry: 3000\n\nevent: ready\ndata: {\"type\":\"ready\"}\n\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
const ACCEPTED: &[u8] = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
const NOT_FOUND: &[u8] = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";

struct Peer {
    socket: TcpStream,
    state: State,
}

enum State {
    /// Sends requests; what of the next one has arrived.
    Asking(Vec<u8>),
    /// Receives events; what its socket has not taken yet.
    Streaming(Vec<u8>),
}

struct Bare {
    poll: Poll,
    peers: Slab<Peer>,
}

/// Serves on this port of 127.0.0.1 until it is killed, or its parent ends.
pub(crate) fn run(port: u16) -> Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // mio asks for a backlog of 1,024, far more than the generator opens at a time.
    let mut listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port).into())?;
    let poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut bare = Bare { poll, peers: Slab::new() };
    let mut events = Events::with_capacity(1024);
    let mut heartbeat = Instant::now() + HEARTBEAT_EVERY;
    loop {
        let wait = heartbeat.saturating_duration_since(Instant::now());
        match bare.poll.poll(&mut events, Some(wait)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            polled => polled?,
        }
        for event in &events {
            if event.token() == LISTENER {
                bare.accept(&listener)?;
            } else {
                bare.serve(event.token().0);
            }
        }
        if Instant::now() >= heartbeat {
            heartbeat += HEARTBEAT_EVERY;
            bare.send_to_all(HEARTBEAT);
        }
    }
}

impl Bare {
    fn accept(&mut self, listener: &TcpListener) -> Result<()> {
        loop {
            let mut socket = match listener.accept() {
                Ok((socket, _)) => socket,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            socket.set_nodelay(true)?;
            let entry = self.peers.vacant_entry();
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.poll.registry().register(&mut socket, Token(entry.key()), interest)?;
            entry.insert(Peer { socket, state: State::Asking(Vec::new()) });
        }
    }

    /// Goes on with one peer; forgets it when it is gone.
    fn serve(&mut self, key: usize) {
        let mut posted = Vec::new();
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        if peer.go_on(&mut posted).is_err() {
            forget(self.poll.registry(), self.peers.remove(key));
        }
        for event in posted {
            self.send_to_all(&[b"data: ", &event[..], b"\n\n"].concat());
        }
    }

    fn send_to_all(&mut self, encoded: &[u8]) {
        let registry = self.poll.registry();
        self.peers.retain(|_, peer| {
            let alive = peer.send(encoded).is_ok();
            if !alive {
                let _ = registry.deregister(&mut peer.socket);
            }
            alive
        });
    }
}

fn forget(registry: &Registry, mut peer: Peer) {
    // Closing the descriptor would do as well; an error changes nothing.
    let _ = registry.deregister(&mut peer.socket);
}

impl Peer {
    /// Writes what is left and reads what has come; an error when the peer is gone.
    fn go_on(&mut self, posted: &mut Vec<Vec<u8>>) -> Result<()> {
        self.send(&[])?;
        let mut buffer = [0; 16 * 1024];
        loop {
            let read = match self.socket.read(&mut buffer) {
                Ok(0) => anyhow::bail!("gone"),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            if let State::Asking(request) = &mut self.state {
                request.extend_from_slice(&buffer[..read]);
                self.answer(posted)?;
            }
        }
    }

    /// Sends an event after whatever waits; does nothing for peers that do not stream.
    fn send(&mut self, encoded: &[u8]) -> io::Result<()> {
        let State::Streaming(unsent) = &mut self.state else {
            return Ok(());
        };
        if unsent.is_empty() {
            let taken = write_some(&mut self.socket, encoded)?;
            unsent.extend_from_slice(&encoded[taken..]);
        } else {
            unsent.extend_from_slice(encoded);
            let taken = write_some(&mut self.socket, unsent)?;
            unsent.drain(..taken);
        }
        Ok(())
    }

    /// Answers the request in the buffer if it is complete.
    fn answer(&mut self, posted: &mut Vec<Vec<u8>>) -> Result<()> {
        let State::Asking(received) = &mut self.state else {
            return Ok(());
        };
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut request = httparse::Request::new(&mut headers);
        let httparse::Status::Complete(head) = request.parse(received)? else {
            return Ok(());
        };
        let length = request
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case("content-length"))
            .and_then(|header| std::str::from_utf8(header.value).ok()?.parse().ok())
            .unwrap_or(0);
        let Some(body) = received.get(head..head + length) else {
            return Ok(());
        };
        let answer = match (request.method, request.path) {
            (Some("GET"), Some("/events")) => {
                self.socket.write_all(STREAM_HEAD)?;
                self.state = State::Streaming(Vec::new());
                return Ok(());
            }
            (Some("GET"), Some("/readyz")) => OK,
            (Some("POST"), Some("/notify")) => {
                posted.push(body.to_vec());
                ACCEPTED
            }
            _ => NOT_FOUND,
        };
        received.drain(..head + length);
        Ok(self.socket.write_all(answer)?)
    }
}

/// One write(2); how many bytes it took.
fn write_some(socket: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
    if bytes.is_empty() {
        return Ok(0);
    }
    match socket.write(bytes) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        written => written,
    }
}
