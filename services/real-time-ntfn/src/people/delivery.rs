//! [`Delivery`]: what has reached whom, for the message service.
//!
//! Streams note that, as often as they learn it; a task tells the message service, a few
//! times a second and only the last of it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use common::{
    Backoff, EventId,
    internal::{Delivered, MAX_REPORTED},
};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{
    event::wire::Wire,
    log::upstream::{Upstream, UpstreamError},
    metrics::Metrics,
};

/// Users of whom something is kept for the message service. While it does not answer, what reaches
/// further users is not noted: they get it again when they next come without a cursor.
const MOST: usize = 100_000;

/// Time between two reports: short enough for a tick beside a message, long enough for many in one.
const EVERY: Duration = Duration::from_millis(200);

const LONGEST_RETRY: Duration = Duration::from_secs(5);

/// What the last report gets when the service stops.
const LAST: Duration = Duration::from_secs(2);

/// Collects, for each user, the last event that has reached one of their clients. Clones
/// collect together.
#[derive(Clone, Default)]
pub struct Delivery(Arc<Noted>);

#[derive(Default)]
struct Noted {
    /// Of everything that is addressed to a user.
    all: Mutex<HashMap<String, EventId>>,
    /// Of direct messages only.
    direct: Mutex<HashMap<String, EventId>>,
}

impl Delivery {
    /// Everything that is addressed to the user with this key and that a stream of this format
    /// carries has reached one of their clients, up to the event.
    pub fn note(&self, wire: Wire, user: &str, up_to: EventId) {
        note(&mut self.lock(wire == Wire::Chat), user, up_to);
    }

    /// Takes what has been noted since the last time.
    pub fn take(&self) -> Vec<Delivered> {
        let noted = [false, true].map(|direct| (direct, std::mem::take(&mut *self.lock(direct))));
        let each = noted.into_iter().flat_map(|(direct, noted)| {
            noted.into_iter().map(move |(user, up_to)| Delivered { user, up_to, direct })
        });
        each.collect()
    }

    fn lock(&self, direct: bool) -> MutexGuard<'_, HashMap<String, EventId>> {
        let noted = if direct { &self.0.direct } else { &self.0.all };
        noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn note(written: &mut HashMap<String, EventId>, user: &str, up_to: EventId) {
    // Looked up first: the key is copied once between two reports.
    if let Some(last) = written.get_mut(user) {
        *last = up_to.max(*last);
    } else if written.len() < MOST {
        written.insert(user.to_owned(), up_to);
    }
}

/// Reports what a [`Delivery`] collects; [`run`](Reporter::run) it.
pub struct Reporter {
    delivery: Delivery,
    upstream: Upstream,
    metrics: Metrics,
}

impl Reporter {
    /// Reports to the message service.
    pub fn new(delivery: Delivery, upstream: Upstream, metrics: Metrics) -> Self {
        Self { delivery, upstream, metrics }
    }

    /// Reports until it is stopped, and then what is left, once.
    pub async fn run(self, stop: CancellationToken) {
        let mut backoff = Backoff::new(EVERY, LONGEST_RETRY);
        let mut pause = EVERY;
        while stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
            pause = match self.report().await {
                Ok(()) => {
                    if backoff.tries() > 0 {
                        tracing::info!(
                            after_tries = backoff.tries(),
                            "deliveries are reported again"
                        );
                    }
                    backoff.reset();
                    EVERY
                }
                Err(error) => {
                    if backoff.tries() == 0 {
                        tracing::warn!(%error, "deliveries cannot be reported; trying again");
                    }
                    EVERY + backoff.next_delay()
                }
            };
        }
        if !matches!(timeout(LAST, self.report()).await, Ok(Ok(()))) {
            tracing::warn!("the last deliveries were not reported; they are repeated");
        }
    }

    /// Reports everything that has been noted. What was not taken is noted again, and merged with
    /// what has come meanwhile.
    async fn report(&self) -> Result<(), UpstreamError> {
        let mut left = self.delivery.take();
        let mut most = MAX_REPORTED;
        while !left.is_empty() {
            let report = left.split_off(left.len().saturating_sub(most));
            match self.upstream.delivered(report.clone()).await {
                Ok(()) => self.metrics.delivered.inc_by(report.len() as u64),
                // A proxy between the services may take less than they do.
                Err(UpstreamError::TooLarge) if report.len() > 1 => {
                    most = report.len() / 2;
                    left.extend(report);
                }
                // Trying again would not help, and would hold up everything else.
                Err(error @ (UpstreamError::Refused(_) | UpstreamError::TooLarge)) => {
                    self.metrics.delivery_failures.inc();
                    tracing::warn!(%error, users = report.len(), "deliveries are not accepted");
                }
                Err(error) => {
                    self.metrics.delivery_failures.inc();
                    for Delivered { user, up_to, direct } in report.iter().chain(&left) {
                        note(&mut self.delivery.lock(*direct), user, *up_to);
                    }
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_event_counts_and_users_are_bounded() {
        let id = |micros| EventId::from_micros(micros).unwrap();
        let delivery = Delivery::default();
        for micros in [2, 5, 3] {
            delivery.note(Wire::Sse, "alice", id(micros));
        }
        delivery.note(Wire::Chat, "alice", id(7));
        let of = |up_to, direct| Delivered { user: "alice".to_owned(), up_to: id(up_to), direct };
        assert_eq!(delivery.take(), [of(5, false), of(7, true)]);
        assert!(delivery.take().is_empty());
        for n in 0..MOST + 10 {
            delivery.note(Wire::Ws, &n.to_string(), id(1));
        }
        // Who is known goes on.
        delivery.note(Wire::Ws, "0", id(9));
        let written = delivery.take();
        let first = written.iter().find(|delivered| delivered.user == "0").unwrap();
        assert_eq!((written.len(), first.up_to), (MOST, id(9)));
    }
}
