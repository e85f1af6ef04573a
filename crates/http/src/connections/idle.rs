//! [`Activity`]: whether a connection is asked for something, and the end of those that are not.

use std::{
    cell::{Cell, RefCell},
    io,
    mem::MaybeUninit,
    net::{Shutdown, SocketAddr},
    rc::{Rc, Weak},
    time::{Duration, Instant},
};

use actix_web::{
    dev::ServiceRequest,
    rt::{self, net::TcpStream},
};
use socket2::SockRef;

use super::{Connections, is_internal};

/// How often idle connections are looked for.
const LOOK: Duration = Duration::from_secs(1);

/// How long one may be open that has asked for nothing yet.
const FIRST: Duration = Duration::from_secs(10);

/// How long a connection may be idle when descriptors run short.
const SHORT: Duration = Duration::from_secs(2);

/// How long a connection is kept that asks for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeping {
    /// As long as there is room.
    WhileThereIsRoom,
    /// As long as any: it is a proxy's, or the other service's, and comes again at once.
    AsLongAsItLikes,
    /// For a moment: its address has enough, and only the other service is answered over it.
    ForTheOther,
}

/// Whether a connection is asked for something.
pub(super) struct Activity {
    #[cfg(unix)]
    descriptor: std::os::fd::RawFd,
    peer: SocketAddr,
    connections: Connections,
    keeping: Cell<Keeping>,
    /// Whether it has asked for anything.
    has_asked: Cell<bool>,
    /// Whether it was shut down.
    is_over: Cell<bool>,
    /// Whether the last answer was large, so that a part of it may still be on its way.
    was_large: Cell<bool>,
    /// Requests that are not answered yet.
    requests: Cell<u32>,
    /// When it was last asked for something, or the answer was given.
    since: Cell<Instant>,
}

/// A request until its answer is written.
pub(super) struct Request(Rc<Activity>);

thread_local! {
    /// The connections of this thread. Each stays with the thread that has accepted it.
    static WATCHED: RefCell<Vec<Weak<Activity>>> = const { RefCell::new(Vec::new()) };
}

/// Watches a connection of this thread.
pub(super) fn watch(
    stream: &TcpStream,
    peer: SocketAddr,
    connections: &Connections,
    keeping: Keeping,
) -> Rc<Activity> {
    let activity = Rc::new(Activity {
        #[cfg(unix)]
        descriptor: std::os::fd::AsRawFd::as_raw_fd(stream),
        peer,
        connections: connections.clone(),
        keeping: Cell::new(keeping),
        has_asked: Cell::new(false),
        is_over: Cell::new(false),
        was_large: Cell::new(false),
        requests: Cell::new(0),
        since: Cell::new(Instant::now()),
    });
    #[cfg(not(unix))]
    let _ = stream;
    let is_first = WATCHED.with_borrow_mut(|watched| {
        watched.push(Rc::downgrade(&activity));
        watched.len() == 1
    });
    if is_first {
        rt::spawn(look_after_them());
    }
    activity
}

/// Ends what is idle for too long, while there are connections.
async fn look_after_them() {
    loop {
        rt::time::sleep(LOOK).await;
        let now = Instant::now();
        let is_empty = WATCHED.with_borrow_mut(|watched| {
            watched.retain(|connection| {
                let Some(connection) = connection.upgrade() else {
                    return false;
                };
                connection.end_if_idle(now);
                true
            });
            watched.is_empty()
        });
        if is_empty {
            WATCHED.with_borrow_mut(|watched| watched.shrink_to_fit());
            return;
        }
    }
}

impl Activity {
    /// Whether a request is answered that comes over this connection.
    pub(super) fn takes(&self, request: &ServiceRequest) -> bool {
        let is_internal = is_internal(request);
        if is_internal && self.keeping.get() == Keeping::WhileThereIsRoom {
            self.keeping.set(Keeping::AsLongAsItLikes);
        }
        !self.is_over.get() && (is_internal || self.keeping.get() != Keeping::ForTheOther)
    }

    pub(super) fn begin(self: &Rc<Self>) -> Request {
        self.has_asked.set(true);
        self.was_large.set(false);
        self.requests.set(self.requests.get() + 1);
        Request(self.clone())
    }

    fn end_if_idle(&self, now: Instant) {
        let idle = now.saturating_duration_since(self.since.get());
        let shared = &self.connections.0;
        let is_short = shared.open_files.is_short() && !self.was_large.get();
        let longest = match self.keeping.get() {
            Keeping::ForTheOther => SHORT,
            Keeping::WhileThereIsRoom if is_short => SHORT,
            Keeping::WhileThereIsRoom if !self.has_asked.get() => FIRST.min(shared.idle),
            Keeping::WhileThereIsRoom | Keeping::AsLongAsItLikes => shared.idle,
        };
        let is_idle = self.requests.get() == 0 && idle > longest;
        // What was sent and is not read yet waits for this service and not for its client.
        if is_idle && (idle > longest + shared.idle || !self.has_unread_bytes()) {
            shared.ended.with_label_values(&["idle"]).inc();
            self.is_over.set(true);
            self.since.set(now);
            self.shut_down();
        }
    }

    fn has_unread_bytes(&self) -> bool {
        let mut byte = [MaybeUninit::uninit()];
        self.with_socket(|socket| socket.peek(&mut byte)).is_some_and(|unread| unread > 0)
    }

    /// Shuts the socket down; actix sees its end, and closes it.
    fn shut_down(&self) {
        self.with_socket(|socket| socket.shutdown(Shutdown::Both));
    }

    /// Does something with the socket, if that is possible.
    #[cfg(unix)]
    fn with_socket<T>(&self, work: impl FnOnce(&SockRef<'_>) -> io::Result<T>) -> Option<T> {
        #[expect(
            unsafe_code,
            reason = "actix drops socket and connection data together, on this thread, and nothing \
                      else runs on it until this returns: if another connection had got the number, \
                      its peer would be another one"
        )]
        let socket = unsafe { std::os::fd::BorrowedFd::borrow_raw(self.descriptor) };
        let socket = SockRef::from(&socket);
        let peer = socket.peer_addr().ok().and_then(|peer| peer.as_socket());
        if peer == Some(self.peer) { work(&socket).ok() } else { None }
    }

    #[cfg(not(unix))]
    fn with_socket<T>(&self, _: impl FnOnce(&SockRef<'_>) -> io::Result<T>) -> Option<T> {
        tracing::debug!(peer = %self.peer, "an idle connection stays");
        None
    }
}

impl Request {
    /// Its answer is large.
    pub(super) fn is_large(&self) {
        self.0.was_large.set(true);
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.0.requests.set(self.0.requests.get() - 1);
        self.0.since.set(Instant::now());
    }
}
