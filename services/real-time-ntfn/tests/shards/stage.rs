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
    config::{Backlog, RingLimits},
    engine::shard::{NewConnection, Settings, Shards},
    event::{
        connection_id::ConnectionId,
        frame::{Frame, Framing},
        ring::{Entry, Ring},
        scope::Scope,
        wire::Wire,
    },
    hub::{Arrival, Follower, Place},
    metrics::Metrics,
    opening::admission::Admission,
    people::delivery::Delivery,
    ws::Talk,
};

const RING: RingLimits = RingLimits { events: 100_000, bytes: 1 << 30 };

/// How long streams may take nothing where that is not what a test is about.
const STALL: Duration = Duration::from_secs(3_600);

/// More than anything takes on a slow machine that has other things to do: what takes longer hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A stream on the stage.
pub(crate) struct Part {
    pub(crate) preface: Vec<Bytes>,
    pub(crate) preface_up_to: Option<EventId>,
    pub(crate) scope: Scope,
    pub(crate) wire: Wire,
    pub(crate) framing: Framing,
    pub(crate) talk: Option<Talk>,
    pub(crate) place: Place,
    pub(crate) arrival: Option<Arrival>,
}

impl Default for Part {
    /// A stream of nobody that begins with `hello` and has all that is published.
    fn default() -> Self {
        let end = Ring::new(RING, EventId::ZERO).end();
        Self {
            preface: vec![Bytes::from_static(b"hello")],
            preface_up_to: None,
            scope: Scope::public(),
            wire: Wire::Sse,
            framing: Framing::Bare,
            talk: None,
            place: Place { position: end, live_from: end, generation: 0 },
            arrival: None,
        }
    }
}

/// Shards, and a listener whose connections go to them.
pub(crate) struct Stage {
    pub(crate) shards: Shards,
    pub(crate) delivery: Delivery,
    listener: TcpListener,
    admission: Admission,
}

impl Stage {
    /// Shards whose streams are closed only for being behind.
    pub(crate) fn new(backlog: Backlog) -> Self {
        Self::with(RING, backlog)
    }

    /// Shards that write a heartbeat or a ping so often.
    pub(crate) fn beating(every: Duration) -> Self {
        let backlog = Backlog { events: u64::MAX, bytes: u64::MAX };
        Self::made(RING, backlog, every)
    }

    /// Shards whose rings hold so many events; nobody is closed for being slow.
    pub(crate) fn with_ring(events: usize) -> Self {
        let backlog = Backlog { events: u64::MAX, bytes: u64::MAX };
        Self::with(RingLimits { events, ..RING }, backlog)
    }

    fn with(ring: RingLimits, backlog: Backlog) -> Self {
        // No heartbeat and no ping falls into a test.
        Self::made(ring, backlog, Duration::from_secs(3_600))
    }

    fn made(ring: RingLimits, backlog: Backlog, heartbeat: Duration) -> Self {
        let delivery = Delivery::default();
        let settings = Settings {
            shards: 2,
            ring,
            backlog,
            heartbeat,
            ping: heartbeat,
            stall: STALL,
            delivery: delivery.clone(),
            metrics: Metrics::new(&prometheus::Registry::new()).unwrap(),
        };
        Self {
            shards: Shards::start(&settings).unwrap(),
            delivery,
            listener: TcpListener::bind(("127.0.0.1", 0)).unwrap(),
            admission: Admission::new(100_000, 0, usize::MAX, false),
        }
    }

    /// A client whose stream begins with `preface`, and then has all that is published.
    pub(crate) fn connect(&self, preface: &'static [u8]) -> TcpStream {
        let preface = vec![Bytes::from_static(preface)];
        self.play(Part { preface, ..Part::default() }).0
    }

    /// The client of a stream, and which connection it is.
    pub(crate) fn play(&self, part: Part) -> (TcpStream, ConnectionId) {
        let client = TcpStream::connect(self.listener.local_addr().unwrap()).unwrap();
        let (socket, peer) = self.listener.accept().unwrap();
        socket.set_nonblocking(true).unwrap();
        let id = ConnectionId::next();
        self.shards.add(NewConnection {
            socket,
            preface: VecDeque::from(part.preface),
            preface_up_to: part.preface_up_to,
            scope: part.scope,
            wire: part.wire,
            framing: part.framing,
            id,
            talk: part.talk,
            place: part.place,
            permit: self.admission.admit(peer.ip()).ok().unwrap(),
            client_id: "test".to_owned(),
            arrival: part.arrival,
        });
        (client, id)
    }

    /// The place of a stream for which the first so many entries are replay.
    pub(crate) fn replay(entries: usize) -> Place {
        let mut ring = Ring::new(RING, EventId::ZERO);
        let position = ring.end();
        for _ in 0..entries {
            let nobody = Audience::Users(vec![]);
            ring.push(Arc::new(Entry::new(None, nobody, Frame::new(&[]), Bytes::new())));
        }
        Place { position, live_from: ring.end(), generation: 0 }
    }

    /// Waits until no connection is left.
    pub(crate) fn wait_empty(&self) {
        let deadline = Instant::now() + PATIENCE;
        while self.shards.streams() > 0 {
            assert!(Instant::now() < deadline, "{} streams are left", self.shards.streams());
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Publishes what streams have as it is, and WebSockets as the text of a frame.
    pub(crate) fn publish(&self, number: u64, sse: Bytes) {
        let audience = Audience::Room(PUBLIC_ROOM.to_owned());
        let frame = Frame::new(&sse);
        self.publish_entry(Entry::new(EventId::from_micros(number), audience, frame, sse));
    }

    pub(crate) fn publish_entry(&self, entry: Entry) {
        self.shards.publish(&Arc::from([Arc::new(entry)]));
    }
}
