//! Where a stream begins: live, after its cursor, with some history, or with a `reset`.

mod answered;
mod catch_up;
mod place;
mod receipts;
mod request;

use std::{sync::Arc, time::Duration};

use common::EventId;
use http_kit::{
    address::Shares,
    connections::Unread,
    turns::{Asker, Turn, Turns},
};

use super::history::{self, History};
use crate::{
    event::{frame::Framing, scope::Scope, wire::Wire},
    hub::Hub,
    log::{
        feed::{Feed, Reached},
        upstream::{Upstream, UpstreamError},
    },
    metrics::Metrics,
    people::delivery::Delivery,
};
use answered::answered;
use place::{Before, Place};
pub use request::{Cursor, NotNow, Request, Start};

/// Questions about the past at the same time; the others wait. When everyone returns at once, the
/// message service must not be asked by everyone at once.
const QUESTIONS: usize = 8;

/// Clients that are in the middle of catching up.
const CATCH_UPS: usize = 8;

/// How long a client waits for its turn, and for all that it has missed.
const TURN: Duration = Duration::from_secs(10);
const CATCH_UP: Duration = Duration::from_secs(60);

/// How long a client is kept waiting while this service starts.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whom a place is looked for.
struct Visitor {
    scope: Scope,
    wire: Wire,
    asker: Asker,
}

/// Decides where streams begin.
pub struct Resume {
    hub: Hub,
    feed: Feed,
    upstream: Upstream,
    delivery: Delivery,
    metrics: Metrics,
    turns: Turns,
    /// What has been read for those who catch up is kept until the rest is: few may be under way.
    catching_up: Turns,
    history: History,
    /// What streams begin with, until it is written.
    unread: Arc<Unread>,
}

impl Resume {
    /// Decides for streams of this hub.
    pub fn new(
        hub: Hub,
        feed: Feed,
        upstream: Upstream,
        delivery: Delivery,
        metrics: Metrics,
        shares: Shares,
    ) -> Self {
        Self {
            hub,
            feed,
            history: History::new(upstream.clone()),
            upstream,
            delivery,
            metrics,
            turns: Turns::at_work(QUESTIONS, shares),
            catching_up: Turns::new(CATCH_UPS, shares),
            unread: Arc::new(Unread::new(shares)),
        }
    }

    /// Waits until the log is loaded; before that nobody is asked who they are.
    pub async fn ready(&self) -> Result<(), NotNow> {
        if self.feed.wait_loaded(PATIENCE).await { Ok(()) } else { Err(NotNow::Starting) }
    }

    /// Finds the place where a stream begins.
    pub async fn start(&self, request: Request) -> Result<Start, NotNow> {
        let Request { scope, wire, address, .. } = request;
        let name = scope.session().map(|session| session.user.name.clone());
        let asker = Asker { address, user: scope.user().map(str::to_owned) };
        let visitor = Visitor { scope, wire, asker };
        let is_somebody = visitor.scope.user().is_some();
        let place = match request.cursor {
            Cursor::Unreadable => self.reset(&visitor, "unknown"),
            Cursor::At(cursor) => self.resume(cursor, &visitor).await?,
            Cursor::From(cursor) if is_somebody => self.opening(Some(cursor), 0, &visitor).await?,
            Cursor::From(cursor) => self.after(cursor, &visitor).await?,
            Cursor::None if request.history > 0 || is_somebody => {
                match self.common_opening(request.received, request.history, &visitor).await? {
                    Some(place) => place,
                    None => self.opening(None, request.history, &visitor).await?,
                }
            }
            Cursor::None => self.live(&visitor),
        };
        let resumed = place.is_resumed();
        let Place { subscriber, cursor, before, from } = place;
        let subscriber = subscriber.arriving(request.arrival);
        // Whoever is out by now is told so, and nothing that was read meanwhile.
        let before = if subscriber.is_over() { Before::default() } else { before };
        let Before { frames: mut preface, up_to: preface_up_to, mut held, .. } = before;
        preface.push_front(wire.ready(&request.client_id, cursor, resumed, name.as_deref()));
        let bytes = preface.iter().map(|frame| frame.bytes(Framing::Chunked).len()).sum();
        self.unread.hold_more(&mut held, address, bytes)?;
        if let Some(held) = held
            && let Some(last) = preface.pop_back()
        {
            preface.push_back(last.holding(held));
        }
        Ok(Start { preface, preface_up_to, subscriber, from })
    }

    /// Waits for a turn. Who does not read what their streams have begun with has none.
    async fn turn(&self, asker: &Asker, patience: Duration) -> Result<Turn, NotNow> {
        let turn = self.turns.take(asker, patience).await?;
        self.unread.check(asker.address)?;
        Ok(turn)
    }

    fn live(&self, visitor: &Visitor) -> Place {
        loop {
            let cursor = self.hub.head();
            // The head is always in reach, but it may have moved on twice a ring meanwhile.
            if let Some(subscriber) = self.hub.subscribe(cursor, visitor.scope.clone()) {
                return Place { subscriber, cursor, before: Before::default(), from: "live" };
            }
        }
    }

    fn reset(&self, visitor: &Visitor, reason: &str) -> Place {
        let mut place = self.live(visitor);
        place.before.frames.push_back(visitor.wire.reset(reason, place.cursor));
        // Who is cut off before the `reset` has not been told yet that something is missing.
        place.cursor = EventId::ZERO;
        place.from = "reset";
        place
    }

    async fn after(&self, cursor: EventId, visitor: &Visitor) -> Result<Place, NotNow> {
        if cursor > self.hub.head() {
            match self.feed.reach(cursor).await {
                Reached::Yes => {}
                Reached::No => return Ok(self.reset(visitor, "unknown")),
                Reached::Unsure => return Err(NotNow::Upstream),
            }
        }
        if let Some(subscriber) = self.hub.subscribe(cursor, visitor.scope.clone()) {
            return Ok(Place { subscriber, cursor, before: Before::default(), from: "ring" });
        }
        self.catch_up(cursor, visitor).await
    }

    /// Goes on after a cursor that the client was given on a stream. For a user, that acknowledges
    /// everything up to it, and brings the receipts since.
    async fn resume(&self, cursor: EventId, visitor: &Visitor) -> Result<Place, NotNow> {
        let mut place = self.after(cursor, visitor).await?;
        if let Some(user) = visitor.scope.user()
            && place.is_resumed()
        {
            self.delivery.note(visitor.wire, user, cursor);
            place.before.frames.extend(self.receipts(user, cursor, visitor).await);
        }
        Ok(place)
    }

    /// Begins with what is the same for all who come: history of the public room, and nothing that
    /// waits for this user. `None` where that is not all there is.
    async fn common_opening(
        &self,
        received: Option<EventId>,
        history: u32,
        visitor: &Visitor,
    ) -> Result<Option<Place>, NotNow> {
        let Visitor { scope, wire, .. } = visitor;
        let is_common = history == 0 || scope.is_of_public_room() && history <= history::MOST;
        if !is_common || scope.user().is_some() && received.is_none() {
            return Ok(None);
        }
        let read = match history {
            0 => None,
            // It costs no turn; but who does not read what their streams have begun with gets none.
            _ if self.unread.check(visitor.asker.address).is_err() => return Err(NotNow::Crowded),
            _ => Some(self.history.read().await.ok_or(NotNow::Upstream)?),
        };
        let read = read.as_deref();
        let cursors = received.into_iter().chain(read.map(|batch| batch.after));
        let Some(cursor) = cursors.min() else {
            return Ok(None);
        };
        let mut place = self.after(cursor, visitor).await?;
        if place.is_resumed() {
            // Messages that came after the cursor are on the stream.
            let events = read.map_or(&[][..], |batch| &batch.events);
            let events = &events[..events.partition_point(|event| event.id <= cursor)];
            place.begin_with(&events[events.len().saturating_sub(history as usize)..], *wire);
            place.from = "history";
        }
        Ok(Some(place))
    }

    /// Begins with what is to come first for a client that has not been on a stream: what has not
    /// been delivered to its user, and history. Then it goes on after `from`, or else after what
    /// there is.
    async fn opening(
        &self,
        from: Option<EventId>,
        history: u32,
        visitor: &Visitor,
    ) -> Result<Place, NotNow> {
        let Visitor { scope, wire, asker } = visitor;
        let turn = self.turn(asker, TURN).await?;
        let (upstream, asked) = (self.upstream.clone(), scope.clone());
        let opening = async move { upstream.opening(asked.user(), asked.rooms(), history).await };
        // Its turn is over before the place is looked for, which may need one itself.
        let batch = match answered(turn, opening).await? {
            Ok(batch) => batch,
            Err(UpstreamError::TooFar) => return Ok(self.reset(visitor, "too_far")),
            Err(error) => {
                tracing::debug!(%error, "a stream cannot be opened now");
                return Err(NotNow::Upstream);
            }
        };
        let held = self.unread.hold(asker.address, batch.size())?;
        let (cursor, mut first) = (from.unwrap_or(batch.after), batch.events);
        first.sort_unstable_by_key(|event| event.id);
        first.dedup_by_key(|event| event.id);
        let mut place = self.after(cursor, visitor).await?;
        if !place.is_resumed() {
            return Ok(place);
        }
        // Messages that came after the cursor are in the batch and on the stream: once is enough.
        first.retain(|event| event.id <= cursor);
        place.begin_with(&first, *wire);
        drop(held);
        match (from, scope.user()) {
            (Some(cursor), Some(user)) => {
                place.before.frames.extend(self.receipts(user, cursor, visitor).await);
            }
            _ => place.from = "history",
        }
        Ok(place)
    }
}
