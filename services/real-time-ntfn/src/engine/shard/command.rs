//! [`Command`]: what a shard is told.

use std::{
    collections::VecDeque,
    net::TcpStream,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use common::{EventId, event::SessionEnded};
use mio::Waker;

use crate::{
    event::{
        connection_id::ConnectionId,
        frame::{Frame, Framing},
        ring::Entry,
        scope::Scope,
        wire::Wire,
    },
    hub::{Arrival, Place},
    opening::admission::Permit,
    ws::{
        Talk,
        outlet::{Beginning, Outlet, Tell},
    },
};

/// One step in a shard's history. They are carried out in the order of the queue.
pub enum Command {
    /// Append entries to the ring.
    Publish(Arc<[Arc<Entry>]>),
    /// Take over a connection.
    Add(Box<NewConnection>),
    /// Start the ring over, and tell every connection.
    Restart(EventId),
    /// Close all connections, spread over a window.
    Drain(Duration),
    /// End a user's sessions.
    EndSessions(SessionEnded),
    /// Write a frame to one connection.
    Say(Slot, Bytes),
    /// Let one connection go on from another place.
    Relocate(Slot, Box<Relocation>),
    /// Fail, to show what happens then.
    #[cfg(test)]
    Panic,
    /// End.
    Stop,
}

/// A connection on its way to a shard.
pub struct NewConnection {
    /// Its socket, not blocking.
    pub socket: TcpStream,
    /// What is written before anything from the ring: the head of the response, to begin with.
    pub preface: VecDeque<Bytes>,
    /// The last event addressed to its user in there.
    pub preface_up_to: Option<EventId>,
    /// What it watches.
    pub scope: Scope,
    /// How it is written.
    pub wire: Wire,
    /// What HTTP puts around its frames.
    pub framing: Framing,
    /// Which one it is.
    pub id: ConnectionId,
    /// If its client talks, too.
    pub talk: Option<Talk>,
    /// Where in the ring it goes on.
    pub place: Place,
    /// Its place among the admitted.
    pub permit: Permit,
    /// The name it goes by in the log.
    pub client_id: String,
    /// Held until it stands here.
    pub arrival: Option<Arrival>,
}

/// Another place for a connection to go on from, perhaps as somebody else.
pub struct Relocation {
    /// What it watches from now on.
    pub scope: Scope,
    /// What is written first.
    pub preface: VecDeque<Frame>,
    /// The last event addressed to its user in there.
    pub preface_up_to: Option<EventId>,
    /// The place.
    pub place: Place,
    /// Held until it stands here as that.
    pub arrival: Option<Arrival>,
}

/// A connection's slot. Another connection may have it by now.
#[derive(Clone, Copy, Debug)]
pub struct Slot {
    pub(super) key: u32,
    pub(super) id: ConnectionId,
}

/// The way to one connection.
pub struct Address {
    pub(super) queue: Arc<Queue>,
    pub(super) slot: Slot,
}

impl Outlet for Address {
    fn tell(&self, what: Tell) {
        match what {
            Tell::Say(frame) => {
                self.queue.send(Command::Say(self.slot, frame)).ok();
            }
            Tell::Begin(beginning) => {
                let Beginning { scope, preface, preface_up_to, mut subscriber } = *beginning;
                // The subscriber stays here: it may own the shards, and must not die in one.
                let place = subscriber.place();
                let arrival = subscriber.take_arrival();
                let to = Relocation { scope, preface, preface_up_to, place, arrival };
                self.queue.send(Command::Relocate(self.slot, Box::new(to))).ok();
            }
        }
    }
}

/// The shard takes no command any more, and so not this one.
pub(super) struct Ended(pub(super) Command);

/// The way into a shard.
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    /// Published entries that wait.
    entries: AtomicUsize,
    waker: Waker,
}

#[derive(Default)]
struct Waiting {
    commands: VecDeque<Command>,
    /// Whether nobody will take them any more.
    is_closed: bool,
}

impl Queue {
    pub(super) fn new(waker: Waker) -> Self {
        Self { waiting: Mutex::default(), entries: AtomicUsize::new(0), waker }
    }

    /// Adds a command, and wakes the shard unless others wait already. A shard that has ended
    /// takes none: what a command holds, such as a socket, would stay in the queue for ever.
    pub(super) fn send(&self, command: Command) -> Result<(), Ended> {
        let mut waiting = self.lock();
        if waiting.is_closed {
            return Err(Ended(command));
        }
        if let Command::Publish(entries) = &command {
            self.entries.fetch_add(entries.len(), Ordering::Relaxed);
        }
        let was_empty = waiting.commands.is_empty();
        waiting.commands.push_back(command);
        drop(waiting);
        if was_empty && let Err(error) = self.waker.wake() {
            tracing::error!(%error, "a shard cannot be woken; it looks again at its next tick");
        }
        Ok(())
    }

    /// Takes all commands that wait, into an empty queue whose memory is used again.
    pub(super) fn take(&self, into: &mut VecDeque<Command>) {
        std::mem::swap(&mut self.lock().commands, into);
        self.entries.store(0, Ordering::Relaxed);
    }

    /// Takes no command from now on, and gives back those that wait.
    pub(super) fn close(&self) -> VecDeque<Command> {
        let mut waiting = self.lock();
        waiting.is_closed = true;
        std::mem::take(&mut waiting.commands)
    }

    /// How many published entries wait.
    pub(super) fn entries(&self) -> usize {
        self.entries.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
