//! [`Mailbox`]: one connection's messages, on their way to the service.

use std::{
    collections::VecDeque,
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
};

use tokio::sync::mpsc;

use super::{
    outlet::{Outlet, Tell},
    peer::Peer,
    under_way::UnderWay,
};
use crate::{
    event::{connection_id::ConnectionId, frame::Frame, scope::Scope},
    people::presence::Attendance,
};

/// Bytes of one connection's messages that may wait for the ones before them. Many small messages
/// are an ordinary burst; with more than this, a few clients could fill the memory.
const MOST_BYTES: usize = 256 * 1024;

/// What a message takes besides its text.
const OVERHEAD: usize = size_of::<String>();

/// One connection's messages, in order, and the way back to it. Clones are the same mailbox.
#[derive(Clone)]
pub struct Mailbox(Arc<Shared>);

struct Shared {
    id: ConnectionId,
    client_id: String,
    peer: Peer,
    outlet: Box<dyn Outlet>,
    /// Where mailboxes go that have something in them.
    desk: mpsc::Sender<Mailbox>,
    state: Mutex<State>,
}

struct State {
    texts: VecDeque<String>,
    /// How much they take together.
    bytes: usize,
    scope: Scope,
    /// Who came without a name and has one now is there for as long as this.
    attendance: Option<Attendance>,
    /// What the last `resume` has brought.
    resumed: UnderWay,
    /// Whether somebody works on it, or will.
    is_taken: bool,
    /// Whether the connection has ended.
    is_left: bool,
    /// Who wants to know when it does.
    watcher: Option<Waker>,
}

/// Somebody who waits for the end of a connection. Kept for longer, their waker would keep the memory of a task
/// that is over.
struct Watching<'a>(&'a Mailbox);

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        self.0.lock().watcher = None;
    }
}

/// A message that was not taken.
#[derive(Debug)]
pub struct Refused(pub String);

impl Mailbox {
    pub(super) fn new(
        id: ConnectionId,
        client_id: String,
        scope: Scope,
        peer: Peer,
        outlet: Box<dyn Outlet>,
        desk: mpsc::Sender<Self>,
    ) -> Self {
        let state = State {
            texts: VecDeque::new(),
            bytes: 0,
            scope,
            attendance: None,
            resumed: UnderWay::default(),
            is_taken: false,
            is_left: false,
            watcher: None,
        };
        let state = Mutex::new(state);
        Self(Arc::new(Shared { id, client_id, peer, outlet, desk, state }))
    }

    /// Puts a message in, if fewer than `most` wait; never waits itself.
    pub fn post(&self, text: String, most: usize) -> Result<(), Refused> {
        let mut state = self.lock();
        let bytes = state.bytes + OVERHEAD + text.len();
        // A single one may be of any length.
        if state.texts.len() >= most || (bytes > MOST_BYTES && state.bytes > 0) {
            return Err(Refused(text));
        }
        if !state.is_taken {
            if self.0.desk.try_send(self.clone()).is_err() {
                return Err(Refused(text));
            }
            state.is_taken = true;
        }
        state.bytes = bytes;
        state.texts.push_back(text);
        Ok(())
    }

    /// The connection has ended: what it has sent is carried out still, but it is told nothing.
    pub(super) fn leave(&self) {
        let watcher = {
            let mut state = self.lock();
            state.is_left = true;
            state.watcher.take()
        };
        if let Some(watcher) = watcher {
            watcher.wake();
        }
    }

    /// Waits for the end of the connection. One at a time may.
    pub(super) async fn left(&self) {
        let _watching = Watching(self);
        poll_fn(|context| {
            let mut state = self.lock();
            if state.is_left {
                return Poll::Ready(());
            }
            state.watcher = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// The next message. Without one, the caller stops working on the mailbox.
    pub(super) fn next(&self) -> Option<String> {
        let mut state = self.lock();
        let text = state.texts.pop_front();
        match &text {
            Some(text) => state.bytes -= OVERHEAD + text.len(),
            None => {
                state.is_taken = false;
                state.texts = VecDeque::new();
            }
        }
        text
    }

    pub(super) fn id(&self) -> ConnectionId {
        self.0.id
    }

    pub(super) fn client_id(&self) -> &str {
        &self.0.client_id
    }

    pub(super) fn peer(&self) -> Peer {
        self.0.peer
    }

    pub(super) fn scope(&self) -> Scope {
        self.lock().scope.clone()
    }

    pub(super) fn set_scope(&self, scope: Scope) {
        self.lock().scope = scope;
    }

    pub(super) fn attend(&self, attendance: Option<Attendance>) {
        self.lock().attendance = attendance;
    }

    /// Notes what a `resume` brings, until it is written.
    pub(super) fn note_resumed(&self, frames: &mut VecDeque<Frame>) {
        self.lock().resumed.follow(frames);
    }

    /// Whether what a `resume` has brought is not written yet.
    pub(super) fn is_resuming(&self) -> bool {
        self.lock().resumed.is_unwritten()
    }

    pub(super) fn tell(&self, what: Tell) {
        self.0.outlet.tell(what);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
