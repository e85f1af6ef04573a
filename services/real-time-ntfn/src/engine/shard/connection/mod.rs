//! [`Connection`]: one stream's socket, and where it is in the ring.

mod aside;
mod heartbeat;
mod write;

use std::{
    collections::VecDeque,
    io::{self, ErrorKind, Read, Write},
    net::{IpAddr, Shutdown},
    time::Instant,
};

use bytes::Bytes;
use mio::net::TcpStream;

use super::command::NewConnection;
use crate::{
    config::Backlog,
    event::{
        connection_id::ConnectionId,
        frame::{Frame, Framing},
        ring::{Entry, Position, Ring},
        scope::Scope,
        wire::Wire,
    },
    opening::admission::Permit,
    people::unseen::Unseen,
    ws::Link,
};
pub(super) use write::{Flushed, Tally};

/// A stream in a shard. While it is idle this is all there is to it, besides [`Cold`].
pub(super) struct Connection {
    pub(super) socket: TcpStream,
    /// Tells this connection from others that had its key before.
    pub(super) turn: u32,
    /// How it is written.
    wire: Wire,
    framing: Framing,
    /// Whether it is noted what has reached its user.
    notes: bool,
    /// Bytes already written of the next thing to write.
    offset: u32,
    /// What comes before anything from the ring. Empty, and without memory, for nearly all of a
    /// stream's life.
    preface: VecDeque<Bytes>,
    /// Everything before this has been written; the frame after it, up to `offset`. A stream that
    /// ends waits for [`Position::NEVER`].
    cursor: Position,
    /// Where the ring ended when the stream was given its place. What lies before is replay: it does not
    /// count as backlog, and what is not in the log is left out of it.
    live_from: Position,
    /// Entries and bytes that were published since, are for this stream, and are not written.
    pending_events: u32,
    pending_bytes: u64,
    state: State,
    /// When its socket last refused to take more, without having taken anything since.
    blocked_since: Option<Instant>,
    cold: Box<Cold>,
}

/// What is needed when a stream begins and ends, but not in between.
struct Cold {
    id: ConnectionId,
    scope: Scope,
    permit: Permit,
    client_id: String,
    opened: Instant,
    /// A WebSocket's side of the protocol.
    link: Option<Box<Link>>,
    /// Frames that were put before what is next in the ring, and may not be written yet.
    said: usize,
    /// Whether the first of the preface is what is left of a frame.
    front_is_rest: bool,
    /// What is written to the user, once the preface is.
    unseen: Unseen,
    /// All that is written.
    bytes: u64,
    /// Why it ends, once it does.
    over: Option<&'static str>,
}

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// For events: it has everything.
    Idle,
    /// For its turn in this pass.
    Dirty,
    /// For its socket to take more.
    Blocked,
    /// For the client to end: it has been told everything.
    Over,
}

/// The client has gone.
#[derive(Debug)]
pub(super) struct Gone;

/// A frame is under way whose rest the ring no longer has: whatever was written now, the client
/// would take for that rest.
#[derive(Debug)]
pub(super) struct Lost;

impl Connection {
    /// Takes over a connection; in which the protocol, if there is one, is run by `link`.
    pub(super) fn new(new: NewConnection, link: Option<Box<Link>>, turn: u32, ring: &Ring) -> Self {
        let notes = heartbeat::notes(&new.scope);
        let mut unseen = Unseen::default();
        unseen.write(new.preface_up_to);
        let cold = Cold {
            id: new.id,
            scope: new.scope,
            permit: new.permit,
            client_id: new.client_id,
            opened: Instant::now(),
            link,
            said: 0,
            front_is_rest: false,
            unseen,
            bytes: 0,
            over: None,
        };
        let mut connection = Self {
            socket: TcpStream::from_std(new.socket),
            turn,
            wire: new.wire,
            framing: new.framing,
            notes,
            offset: 0,
            preface: new.preface,
            cursor: new.place.position,
            live_from: new.place.live_from,
            pending_events: 0,
            pending_bytes: 0,
            state: State::Dirty,
            blocked_since: None,
            cold: Box::new(cold),
        };
        connection.count_pending(ring);
        connection
    }

    /// Counts what was published since the stream got its place, before it came here.
    fn count_pending(&mut self, ring: &Ring) {
        (self.pending_events, self.pending_bytes) = (0, 0);
        let mut at = self.cursor.max(self.live_from);
        for (entry, next) in ring.read(at).into_iter().flatten() {
            if self.receives(entry, at) {
                self.pending_events += 1;
                self.pending_bytes += self.size_of(entry);
            }
            at = next;
        }
    }

    /// Bytes that are written for an entry.
    fn size_of(&self, entry: &Entry) -> u64 {
        entry.encoded(self.wire).map_or(0, |encoded| encoded.len(self.framing) as u64)
    }

    pub(super) fn id(&self) -> ConnectionId {
        self.cold.id
    }

    pub(super) fn wire(&self) -> Wire {
        self.wire
    }

    pub(super) fn scope(&self) -> &Scope {
        &self.cold.scope
    }

    pub(super) fn link(&mut self) -> Option<&mut Link> {
        self.cold.link.as_deref_mut()
    }

    pub(super) fn client_id(&self) -> &str {
        &self.cold.client_id
    }

    pub(super) fn address(&self) -> IpAddr {
        self.cold.permit.address()
    }

    pub(super) fn opened(&self) -> Instant {
        self.cold.opened
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    /// Since when its socket has taken nothing, if there is something to take.
    pub(super) fn blocked_since(&self) -> Option<Instant> {
        self.blocked_since
    }

    /// Notes an entry for this stream, which stands right after `before`. Returns whether the
    /// connection has to be flushed and did not have to be until now.
    pub(super) fn touch(&mut self, entry: &Entry, before: Position) -> bool {
        let Some(encoded) = entry.encoded(self.wire) else {
            return false;
        };
        if self.caused(entry) {
            return false;
        }
        self.pending_events += 1;
        self.pending_bytes += encoded.len(self.framing) as u64;
        if self.state != State::Idle {
            return false;
        }
        // What lies between the last event and this one was for others.
        self.cursor = before;
        self.state = State::Dirty;
        true
    }

    /// Its socket takes bytes again. Returns whether it has to be flushed.
    pub(super) fn writable(&mut self) -> bool {
        let blocked = self.state == State::Blocked;
        if blocked {
            self.state = State::Dirty;
        }
        blocked
    }

    /// Whether the stream has fallen too far behind.
    pub(super) fn lags(&self, backlog: Backlog) -> bool {
        u64::from(self.pending_events) > backlog.events || self.pending_bytes > backlog.bytes
    }

    /// Ends the stream with a last frame, if it is between two frames and the socket takes it.
    pub(super) fn close(mut self, last: Option<&Frame>) {
        if let Some(last) = last
            && self.offset == 0
            && self.preface.is_empty()
        {
            // It is a courtesy: a client that does not get all of it comes back all the same.
            let end = self.framing.end().unwrap_or_default();
            self.socket.write_all(&[last.bytes(self.framing), &end].concat()).ok();
        }
        // Unread bytes would turn the end into a reset, which may overtake what was written.
        discard_input(&mut self.socket).ok();
        self.socket.shutdown(Shutdown::Both).ok();
    }

    /// Throws away what the client sends: on a stream it has nothing to say. Returns whether the
    /// client is still there.
    pub(super) fn discard_input(&mut self) -> bool {
        discard_input(&mut self.socket).is_ok()
    }
}

fn discard_input(socket: &mut TcpStream) -> io::Result<()> {
    /// A client that sends more than this in one go waits for its next turn.
    const READS: usize = 16;
    let mut buffer = [0; 512];
    for _ in 0..READS {
        match socket.read(&mut buffer) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
