//! The portable path: a stream as the body of an actix response.
//!
//! It works wherever actix does. actix polls the body only while the socket takes bytes, so a
//! client that takes nothing is not noticed here; the socket's own deadline ends it (see
//! [`crate::socket`]).

use std::{
    collections::VecDeque,
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use actix_web::{
    body::{BodySize, BoxBody, MessageBody},
    web::Bytes,
};
use rand::RngExt;
use tokio::time::{Instant as TokioInstant, Sleep, sleep_until};

use crate::{
    admission::Permit,
    frame,
    hub::{Step, Subscriber},
    metrics::Metrics,
};

/// In the metrics.
const ENGINE: &str = "portable";

/// All that a stream needs to run.
pub struct Opening {
    /// What is sent before anything of the hub's.
    pub preface: VecDeque<Bytes>,
    /// Its place in the hub.
    pub subscriber: Subscriber,
    /// Its place among the admitted.
    pub permit: Permit,
    /// The name it goes by in the log.
    pub client_id: String,
    /// Time between two heartbeats.
    pub heartbeat: Duration,
    /// Counts.
    pub metrics: Metrics,
}

/// The body of a response that is a stream.
pub fn body(opening: Opening) -> BoxBody {
    BoxBody::new(Stream::new(opening))
}

struct Stream {
    opening: Opening,
    /// The next heartbeat, or the end once the service stops.
    timer: Pin<Box<Sleep>>,
    phase: Phase,
    opened: Instant,
    reason: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Live,
    /// Ends when the timer does.
    Draining,
    /// Has said goodbye.
    Over,
}

impl Stream {
    fn new(opening: Opening) -> Self {
        opening.metrics.stream_opened(ENGINE);
        // The first heartbeat comes at a random time: streams that began together must not
        // all beat together.
        let first = opening.heartbeat.mul_f64(rand::random());
        let timer = Box::pin(sleep_until(TokioInstant::now() + first));
        Self { opening, timer, phase: Phase::Live, opened: Instant::now(), reason: "gone" }
    }

    /// Once the service stops, the timer is set to this stream's own moment in the window.
    fn notice_drain(&mut self) {
        if self.phase == Phase::Live
            && let Some(window) = self.opening.subscriber.drain_window()
        {
            let share: f64 = rand::rng().random();
            self.timer.as_mut().reset(TokioInstant::now() + window.mul_f64(share));
            self.phase = Phase::Draining;
        }
    }

    fn end(&mut self, reason: &'static str) -> Bytes {
        self.phase = Phase::Over;
        self.reason = reason;
        frame::closing()
    }
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
        if this.phase == Phase::Over {
            return Poll::Ready(None);
        }
        if let Some(bytes) = this.opening.preface.pop_front() {
            return Poll::Ready(Some(Ok(bytes)));
        }
        match this.opening.subscriber.poll_step(context) {
            Poll::Ready(Step::Send(bytes)) => return Poll::Ready(Some(Ok(bytes))),
            Poll::Ready(Step::Lagged) => return Poll::Ready(Some(Ok(this.end("lagged")))),
            Poll::Pending => this.notice_drain(),
        }
        if this.timer.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        if this.phase == Phase::Draining {
            return Poll::Ready(Some(Ok(this.end("drained"))));
        }
        let next = this.timer.deadline() + this.opening.heartbeat;
        this.timer.as_mut().reset(next.max(TokioInstant::now()));
        // An armed timer wakes the stream; a body that yields is polled again anyway.
        Poll::Ready(Some(Ok(frame::heartbeat())))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let Opening { metrics, client_id, permit, .. } = &self.opening;
        metrics.stream_closed(ENGINE, self.reason);
        tracing::info!(
            client_id,
            address = %permit.address(),
            reason = self.reason,
            secs = self.opened.elapsed().as_secs(),
            "client left"
        );
    }
}
