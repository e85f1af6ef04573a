//! [`Subscriber`]: one stream's place in the hub.

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use common::{Audience, EventId};
use tokio::sync::watch;

use super::{Arrival, Hub, piece::Piece, place::Place, seat::Seat};
use crate::{
    config::Backlog,
    event::{
        connection_id::ConnectionId, frame::Framing, ring::Position, scope::Scope, wire::Wire,
    },
};

/// One stream's place in the hub; leaves it when dropped.
pub struct Subscriber {
    pub(super) hub: Hub,
    pub(super) id: ConnectionId,
    pub(super) seat: Arc<Seat>,
    pub(super) drain: watch::Receiver<Option<Duration>>,
    pub(super) scope: Scope,
    pub(super) wire: Wire,
    pub(super) position: Position,
    /// What lies before this is replay, which may be long; what comes after it is backlog.
    pub(super) replay_end: Position,
    pub(super) generation: u64,
    /// The last event addressed to the user among what was sent.
    pub(super) unnoted: Option<EventId>,
    /// Until it stands where it is run.
    pub(super) arrival: Option<Arrival>,
}

/// What a stream does next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Send these bytes.
    Send(Bytes),
    /// Close: the client is too slow, and will resume by id.
    Lagged,
    /// Close: the session is over, for this reason.
    Ended(String),
}

impl Subscriber {
    /// The next frames for this stream, or when they come.
    pub fn poll_step(&mut self, context: &Context<'_>) -> Poll<Step> {
        // Registered before looking, so that nothing published in between is missed.
        self.seat.register(context.waker());
        self.step().map_or(Poll::Pending, Poll::Ready)
    }

    /// How long the stream may take to end, once the service stops.
    pub fn drain_window(&self) -> Option<Duration> {
        *self.drain.borrow()
    }

    /// How the stream is written.
    pub fn wire(&self) -> Wire {
        self.wire
    }

    /// The same place for a stream that is written in this way.
    pub fn written_as(mut self, wire: Wire) -> Self {
        self.wire = wire;
        self
    }

    /// The same place for a stream that has been on its way for as long as this arrival. If its
    /// session has ended since, so does the stream.
    pub fn arriving(mut self, arrival: Arrival) -> Self {
        // The hub has its seat: what ends from now on, ends that.
        if let Some(reason) = arrival.end_of(&self.scope) {
            self.seat.end(&reason);
        }
        self.arrival = Some(arrival);
        self
    }

    /// Whether its session has ended.
    pub fn is_over(&self) -> bool {
        self.seat.ended().is_some()
    }

    /// Takes the arrival, for whoever runs the stream to hold until ends of sessions find it there.
    pub fn take_arrival(&mut self) -> Option<Arrival> {
        self.arrival.take()
    }

    /// Which connection this is.
    pub fn id(&self) -> ConnectionId {
        self.id
    }

    /// What it watches.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Where it is in the ring.
    pub fn place(&self) -> Place {
        let (position, live_from) = (self.position, self.replay_end);
        Place { position, live_from, generation: self.generation }
    }

    /// Goes on from the place of another subscriber, with what that one watches.
    pub fn relocate(&mut self, mut to: Self) {
        let (position, live_from) = (self.position, self.replay_end);
        if to.generation == self.generation {
            // What was not sent yet may be for nobody else to repeat: it is not passed over.
            self.replay_end = position.max(live_from);
            self.position = to.position.min(position);
        } else {
            (self.position, self.replay_end) = (to.position, to.replay_end);
            self.generation = to.generation;
        }
        self.scope = to.scope.clone();
        std::mem::swap(&mut self.seat, &mut to.seat);
        self.hub.seats().insert(self.id, self.seat.clone());
        if let Some(reason) = to.seat.ended() {
            self.seat.end(reason);
        }
    }

    /// The last event addressed to the user that was sent since this was asked.
    pub fn take_sent(&mut self) -> Option<EventId> {
        self.unnoted.take()
    }

    fn step(&mut self) -> Option<Step> {
        let hub = self.hub.clone();
        if let Some(reason) = self.seat.ended() {
            return Some(Step::Ended(reason.to_owned()));
        }
        let state = hub.read();
        if self.generation != state.generation {
            self.generation = state.generation;
            self.position = state.ring.end();
            self.replay_end = self.position;
            return Some(Step::Send(
                self.wire.reset("expired", state.ring.head()).share(Framing::Bare),
            ));
        }
        let Some(lag) = state.ring.lag(self.position.max(self.replay_end)) else {
            return Some(Step::Lagged);
        };
        let Backlog { events, bytes } = hub.shared.backlog;
        let entries = state.ring.read(self.position);
        let (false, Some(entries)) = (lag.events > events || lag.bytes > bytes, entries) else {
            return Some(Step::Lagged);
        };
        let mut piece = Piece::default();
        for (entry, next) in entries {
            let replay = self.position < self.replay_end;
            let entry = if replay { entry.replayed() } else { entry };
            // What is not in the log was for those who were there.
            let missed = replay && entry.id.is_none();
            let caused = entry.origin == Some(self.id);
            if !missed
                && !caused
                && self.scope.receives(&entry.audience)
                && let Some(frame) = entry.frame(self.wire)
            {
                let frame = frame.share(Framing::Bare);
                if !piece.has_room(&frame) {
                    break;
                }
                piece.add(&frame);
                if matches!(*entry.audience, Audience::Users(_)) {
                    self.unnoted = entry.id.max(self.unnoted);
                }
                let metrics = &hub.shared.metrics;
                metrics.replayed.inc_by(u64::from(replay));
                metrics.events_out.inc();
                metrics.bytes_out.inc_by(frame.len() as u64);
            }
            self.position = next;
        }
        piece.into_bytes().map(Step::Send)
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.hub.seats().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use common::event::PUBLIC_ROOM;
    use futures_util::{FutureExt, task::noop_waker};

    use super::*;
    use crate::{
        config::RingLimits,
        event::{frame::Frame, ring::Entry},
        metrics::Metrics,
    };

    fn hub(backlog: Backlog) -> Hub {
        let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
        Hub::new(RingLimits { events: 100, bytes: 1 << 20 }, backlog, metrics, None)
    }

    fn entry(micros: u64, text: &str) -> Entry {
        let audience = Audience::Room(PUBLIC_ROOM.to_owned());
        let sse = Bytes::copy_from_slice(text.as_bytes());
        Entry::new(EventId::from_micros(micros), audience, Frame::bare(sse), Bytes::new())
    }

    fn publish<const N: usize>(hub: &Hub, entries: [Entry; N]) {
        hub.publish(entries).now_or_never().unwrap();
    }

    fn subscribe(hub: &Hub, cursor: u64) -> Subscriber {
        let cursor = EventId::from_micros(cursor).unwrap();
        hub.subscribe(cursor, Scope::public()).unwrap()
    }

    fn step(subscriber: &mut Subscriber) -> Poll<Step> {
        subscriber.poll_step(&Context::from_waker(&noop_waker()))
    }

    fn send(text: &'static str) -> Poll<Step> {
        Poll::Ready(Step::Send(Bytes::from_static(text.as_bytes())))
    }

    #[test]
    fn a_stream_gets_what_lies_after_its_cursor_and_then_what_comes() {
        let hub = hub(Backlog { events: 10, bytes: 1_000 });
        publish(&hub, [entry(1, "a"), entry(2, "b"), entry(3, "c")]);
        let mut stream = subscribe(&hub, 1);
        assert_eq!(step(&mut stream), send("bc"));
        assert_eq!(step(&mut stream), Poll::Pending);
        publish(&hub, [entry(4, "d")]);
        assert_eq!(step(&mut stream), send("d"));
    }

    #[test]
    fn what_is_not_in_the_log_is_not_replayed() {
        let hub = hub(Backlog { events: 10, bytes: 1_000 });
        let aside = |text| {
            let mut entry = entry(0, text);
            entry.id = None;
            entry
        };
        publish(&hub, [entry(1, "a"), aside("-"), entry(2, "b")]);
        let mut stream = subscribe(&hub, 0);
        publish(&hub, [aside("+")]);
        assert_eq!(step(&mut stream), send("ab+"));
    }

    #[test]
    fn only_what_came_after_the_start_counts_as_backlog() {
        let hub = hub(Backlog { events: 2, bytes: 1_000 });
        hub.publish((1..=50).map(|at| entry(at, "x"))).now_or_never().unwrap();
        let mut stream = subscribe(&hub, 0);
        publish(&hub, [entry(51, "y"), entry(52, "z")]);
        let Poll::Ready(Step::Send(bytes)) = step(&mut stream) else { panic!("no replay") };
        assert_eq!(bytes.len(), 52);
        publish(&hub, [entry(53, "a"), entry(54, "b"), entry(55, "c")]);
        assert_eq!(step(&mut stream), Poll::Ready(Step::Lagged));
    }

    #[test]
    fn those_whom_events_are_for_take_room_in_the_ring_but_once() {
        let crowd = |at: u64, first: usize| {
            let names = (first..first + 1_000).map(|n| n.to_string()).collect();
            let audience = Audience::Users(names);
            Entry::new(EventId::from_micros(at), audience, Frame::bare(Bytes::new()), Bytes::new())
        };
        let cursor = EventId::from_micros(1).unwrap();
        let hub = hub(Backlog { events: 10, bytes: 1_000 });
        hub.publish((1..=100).map(|at| crowd(at, 0))).now_or_never().unwrap();
        assert!(hub.subscribe(cursor, Scope::public()).is_some());
        hub.publish((101..=150).map(|at| crowd(at, at as usize))).now_or_never().unwrap();
        let cursor = EventId::from_micros(101).unwrap();
        assert!(hub.subscribe(cursor, Scope::public()).is_none(), "more than the ring may hold");
    }

    #[test]
    fn a_restart_tells_every_stream_and_goes_on() {
        let hub = hub(Backlog { events: 10, bytes: 1_000 });
        let mut stream = subscribe(&hub, 0);
        hub.restart(EventId::from_micros(500).unwrap());
        publish(&hub, [entry(501, "a")]);
        let Poll::Ready(Step::Send(bytes)) = step(&mut stream) else { panic!("no reset") };
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        assert!(text.contains("reset") && text.contains("19700101000000.000501"), "{text}");
        assert_eq!(step(&mut stream), Poll::Pending);
    }

    #[test]
    fn a_stream_that_is_dropped_has_left() {
        let hub = hub(Backlog { events: 10, bytes: 1_000 });
        let stream = subscribe(&hub, 0);
        assert_eq!(hub.streams(), 1);
        drop(stream);
        assert_eq!(hub.streams(), 0);
    }
}
