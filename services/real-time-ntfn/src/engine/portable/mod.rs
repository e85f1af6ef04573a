//! The portable path: a stream as the body of an actix response.
//!
//! It works wherever actix does. actix polls the body only while the socket takes bytes, so a
//! client that takes nothing is not noticed here; the socket's own deadline ends it (see
//! [`http_kit::connections`]). For the same reason a WebSocket's client that reads nothing is not read from.

mod ending;
mod replies;
#[cfg(test)]
mod tests;

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use actix_web::{
    body::{BodySize, BoxBody, MessageBody},
    dev::Payload,
    web::Bytes,
};
use common::EventId;
use rand::RngExt;
use tokio::{
    sync::mpsc,
    time::{Instant as TokioInstant, Sleep, sleep, sleep_until},
};

use super::new_stream::NewStream;
use crate::{
    event::{
        frame::{Frame, Framing},
        wire::Wire,
    },
    hub::{Step, Subscriber},
    people::unseen::Unseen,
    ws::{Link, close, outlet::Tell},
};
use replies::{MOST_REPLIES, Replies};

/// In the metrics.
const ENGINE: &str = "portable";

/// The body of a response that is a stream; with what the client sends, if it talks.
pub fn body(new: NewStream, payload: Option<Payload>) -> BoxBody {
    BoxBody::new(Stream::new(new, payload))
}

struct Stream {
    given: NewStream,
    payload: Option<Payload>,
    /// A WebSocket's side of the protocol, and the replies to its client.
    link: Option<(Link, mpsc::Receiver<Tell>)>,
    /// The next heartbeat, or the end once the service stops.
    timer: Pin<Box<Sleep>>,
    /// The end of the session.
    expiry: Option<Pin<Box<Sleep>>>,
    /// What actix has taken for the user, once it asks for more.
    unseen: Unseen,
    phase: Phase,
    opened: Instant,
    reason: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Live,
    /// Ends when the timer does.
    Draining,
    /// Says what is left to say.
    Over,
}

impl Stream {
    fn new(mut given: NewStream, payload: Option<Payload>) -> Self {
        // The hub ends it from now on.
        drop(given.subscriber.take_arrival());
        let subscriber = &given.subscriber;
        given.metrics.stream_opened(subscriber.wire().transport(), ENGINE);
        // The first heartbeat comes at a random time: streams that began together must not
        // all beat together.
        let first = given.heartbeat.mul_f64(rand::random());
        let timer = Box::pin(sleep_until(TokioInstant::now() + first));
        let link = given.talk.as_ref().map(|talk| {
            let most = MOST_REPLIES + talk.limits.most_waiting();
            let (sender, replies) = mpsc::channel(most);
            let outlet = || Box::new(Replies::new(sender)) as _;
            let (id, scope) = (subscriber.id(), subscriber.scope());
            (talk.link(id, &given.client_id, scope, outlet), replies)
        });
        let mut unseen = Unseen::default();
        unseen.write(given.preface_up_to);
        Self {
            link,
            timer,
            expiry: expiry(subscriber),
            unseen,
            given,
            payload,
            phase: Phase::Live,
            opened: Instant::now(),
            reason: "gone",
        }
    }

    fn wire(&self) -> Wire {
        self.given.subscriber.wire()
    }

    fn say(&mut self, frame: Frame) {
        self.given.preface.push_back(frame);
    }

    /// Notes that everything up to this event has reached the stream's user.
    fn note(&mut self, seen: Option<EventId>) {
        let subscriber = &self.given.subscriber;
        if let Some(up_to) = seen
            && let Some(session) = subscriber.scope().session()
            && !session.acknowledges
        {
            self.given.delivery.note(subscriber.wire(), &session.user.key, up_to);
        }
    }

    /// Once the service stops, the timer is set to this stream's own moment in the window.
    fn notice_drain(&mut self) {
        if self.phase == Phase::Live
            && let Some(window) = self.given.subscriber.drain_window()
        {
            let share: f64 = rand::rng().random();
            self.timer.as_mut().reset(TokioInstant::now() + window.mul_f64(share));
            self.phase = Phase::Draining;
        }
    }

    /// Ends the stream if it is time. Returns whether it is.
    fn is_due(&mut self, context: &mut Context<'_>) -> bool {
        if let Some(expiry) = &mut self.expiry
            && expiry.as_mut().poll(context).is_ready()
        {
            self.end_session("expired");
            return true;
        }
        if self.phase == Phase::Draining && self.timer.as_mut().poll(context).is_ready() {
            self.end_as(close::RESTARTING);
            return true;
        }
        false
    }

    /// Says that the connection still works, if it is time. Returns whether it is.
    fn beat(&mut self, context: &mut Context<'_>) -> bool {
        // While it drains, the timer is for its end.
        if self.phase != Phase::Live || self.timer.as_mut().poll(context).is_pending() {
            return false;
        }
        let next = self.timer.deadline() + self.given.heartbeat;
        // An armed timer wakes the stream; a body that yields is polled again anyway.
        self.timer.as_mut().reset(next.max(TokioInstant::now()));
        match &mut self.link {
            Some((link, _)) => {
                let act = link.beat();
                self.unseen.ask();
                self.act(act);
            }
            None => {
                // With default settings a socket whose client acknowledges nothing has ended by now.
                let seen = self.unseen.beat(0, || 0);
                self.note(seen);
                self.say(self.wire().heartbeat());
            }
        }
        true
    }

    /// Finds something to say. Returns whether there may be something.
    fn step(&mut self, context: &mut Context<'_>) -> bool {
        self.listen(context);
        if self.phase == Phase::Over || !self.given.preface.is_empty() {
            return true;
        }
        // Before there is more to send: a client that is always behind has its end all the same.
        self.notice_drain();
        if self.is_due(context) {
            return true;
        }
        match self.given.subscriber.poll_step(context) {
            Poll::Ready(Step::Send(bytes)) => self.say(Frame::bare(bytes)),
            Poll::Ready(Step::Lagged) => self.end_as(close::SLOW_CLIENT),
            Poll::Ready(Step::Ended(reason)) => self.end_session(&reason),
            Poll::Pending => return self.beat(context),
        }
        true
    }
}

/// A timer for the end of the session, if it has one.
fn expiry(subscriber: &Subscriber) -> Option<Pin<Box<Sleep>>> {
    let at = subscriber.scope().session().and_then(|session| session.expires_at)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Some(Box::pin(sleep(Duration::from_secs(at).saturating_sub(now))))
}

impl MessageBody for Stream {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        let this = self.get_mut();
        // actix has taken what it was given before.
        let sent = this.given.subscriber.take_sent();
        this.unseen.write(sent);
        loop {
            if let Some(frame) = this.given.preface.pop_front() {
                // actix makes the chunks.
                return Poll::Ready(Some(Ok(frame.share(Framing::Bare))));
            }
            if this.phase == Phase::Over {
                return Poll::Ready(None);
            }
            if !this.step(context) {
                return Poll::Pending;
            }
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let NewStream { metrics, client_id, permit, .. } = &self.given;
        metrics.stream_closed(self.wire().transport(), ENGINE, self.reason);
        tracing::info!(
            client_id,
            address = %permit.address(),
            reason = self.reason,
            secs = self.opened.elapsed().as_secs(),
            "client left"
        );
    }
}
