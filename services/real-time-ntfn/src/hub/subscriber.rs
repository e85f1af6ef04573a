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
                && let Some(encoded) = entry.encoded(self.wire)
            {
                let bytes = encoded.len(Framing::Bare);
                if !piece.has_room(bytes) {
                    break;
                }
                piece.add(encoded);
                if matches!(*entry.audience, Audience::Users(_)) {
                    self.unnoted = entry.id.max(self.unnoted);
                }
                let metrics = &hub.shared.metrics;
                metrics.replayed.inc_by(u64::from(replay));
                metrics.events_out.inc();
                metrics.bytes_out.inc_by(bytes as u64);
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
mod tests;
