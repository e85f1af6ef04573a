//! A stage for shards: real sockets, no services.

use std::{
    collections::VecDeque,
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use common::{Audience, EventId, event::PUBLIC_ROOM};
use realtime_ntfn::{
    admission::Admission,
    config::{Backlog, RingLimits},
    metrics::Metrics,
    ring::{Entry, Ring},
    scope::Scope,
    shard::{NewConnection, Settings, Shards},
};

const RING: RingLimits = RingLimits { events: 100_000, bytes: 1 << 30 };

/// Shards, and a listener whose connections go to them.
pub(crate) struct Stage {
    pub(crate) shards: Shards,
    listener: TcpListener,
    admission: Admission,
}

impl Stage {
    pub(crate) fn new(backlog: Backlog, stall: Duration) -> Self {
        let settings = Settings {
            shards: 2,
            ring: RING,
            backlog,
            // No heartbeat falls into a test.
            heartbeat: Duration::from_secs(3_600),
            stall,
            metrics: Metrics::new(&prometheus::Registry::new()).unwrap(),
        };
        Self {
            shards: Shards::start(&settings).unwrap(),
            listener: TcpListener::bind(("127.0.0.1", 0)).unwrap(),
            admission: Admission::new(100_000, 0, u64::MAX),
        }
    }

    /// A client whose stream begins with `preface`, and then has all that is published.
    pub(crate) fn connect(&self, preface: &'static [u8]) -> TcpStream {
        let client = TcpStream::connect(self.listener.local_addr().unwrap()).unwrap();
        let (socket, peer) = self.listener.accept().unwrap();
        socket.set_nonblocking(true).unwrap();
        self.shards.add(NewConnection {
            socket,
            preface: VecDeque::from([Bytes::from_static(preface)]),
            scope: Scope::public(),
            position: Ring::new(RING, EventId::ZERO).end(),
            generation: 0,
            permit: self.admission.admit(peer.ip()).ok().unwrap(),
            client_id: "test".to_owned(),
        });
        client
    }

    /// Waits until no connection is left.
    pub(crate) fn wait_empty(&self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.shards.streams() > 0 {
            assert!(Instant::now() < deadline, "{} streams are left", self.shards.streams());
            thread::sleep(Duration::from_millis(1));
        }
    }

    pub(crate) fn publish(&self, number: u64, sse: Bytes) {
        let entry = Entry {
            id: EventId::from_micros(number),
            audience: Audience::Room(PUBLIC_ROOM.to_owned()),
            sse,
            published: Instant::now(),
        };
        self.shards.publish(&Arc::from([Arc::new(entry)]));
    }
}
