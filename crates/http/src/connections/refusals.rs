//! [`Refusals`]: who is refused all the time is told so late.
//!
//! A client that comes again at once when it was refused can do so thousands of times a second, and each
//! time costs nearly what letting it in would. One that waits for its answer does not ask again meanwhile.

use std::{
    net::IpAddr,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use actix_web::{HttpResponse, http::StatusCode};
use prometheus::{IntCounter, Registry};
use tokio::time::sleep;

use crate::{address::Shares, rate::RateLimit};

/// Refusals of an address that are answered at once: so many in a second, in the long run, and at the same
/// time. More is nobody who reads what they are told.
const PER_SECOND: u32 = 8;
const BURST: u32 = 64;

/// How late the others are.
const LATE: Duration = Duration::from_secs(1);

/// Answers that may be late at the same time: each keeps a connection, and what it needs, for as long.
const MOST: usize = 1_024;

/// In the extensions of a refusal that was held back already, as far as it is to be.
struct Held;

/// Has nobody hold this answer back: whoever made it has.
pub fn mark_held(answer: &mut HttpResponse) {
    answer.extensions_mut().insert(Held);
}

/// Counts refusals by address.
pub(super) struct Refusals {
    at_once: RateLimit,
    waiting: AtomicUsize,
    late: IntCounter,
}

impl Refusals {
    pub(super) fn new(shares: Shares, registry: &Registry) -> prometheus::Result<Self> {
        let late = IntCounter::new(
            "realtalk_late_refusals_total",
            "Refusals that were held back, since their address is refused all the time",
        )?;
        registry.register(Box::new(late.clone()))?;
        let at_once = if shares.by_address {
            RateLimit::new(PER_SECOND, BURST)
        } else {
            RateLimit::new(0, 0)
        };
        Ok(Self { at_once: at_once.limiting(shares.loopback), waiting: AtomicUsize::new(0), late })
    }

    /// What counts them, to forget addresses that are idle.
    pub(super) fn rate(&self) -> &RateLimit {
        &self.at_once
    }

    /// Holds a refusal back, if its address has had many, and there is room for another one to wait.
    pub(super) async fn hold(&self, address: IpAddr, has_room: bool) {
        if self.at_once.take(address).is_ok() || !has_room {
            return;
        }
        let waiting = Waiting(&self.waiting);
        if self.waiting.fetch_add(1, Ordering::Relaxed) < MOST {
            self.late.inc();
            sleep(LATE).await;
        }
        drop(waiting);
    }
}

/// One that waits; also when its client goes meanwhile.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whether an answer is a refusal that nobody has held back.
pub(super) fn is_refusal<B>(answer: &HttpResponse<B>) -> bool {
    answer.status() == StatusCode::TOO_MANY_REQUESTS && !answer.extensions().contains::<Held>()
}

#[cfg(test)]
mod tests {
    use std::{pin::pin, time::Instant};

    use futures_util::FutureExt;

    use super::*;

    fn refusals() -> Refusals {
        Refusals::new(Shares { by_address: true, loopback: true }, &Registry::new()).unwrap()
    }

    #[actix_web::test]
    async fn only_who_is_refused_all_the_time_waits_for_it() {
        let (refusals, rude, other) = (refusals(), [127, 0, 0, 1].into(), [127, 0, 0, 2].into());
        for _ in 0..BURST {
            refusals.hold(rude, true).now_or_never().unwrap();
        }
        let began = Instant::now();
        // Some are told at once while others wait.
        loop {
            let mut hold = pin!(refusals.hold(rude, true));
            if hold.as_mut().now_or_never().is_none() {
                hold.await;
                break;
            }
        }
        assert!(began.elapsed() >= LATE);
        refusals.hold(other, true).now_or_never().unwrap();
    }

    #[actix_web::test]
    async fn few_wait_and_none_where_there_is_no_room() {
        let (refusals, rude) = (refusals(), [127, 0, 0, 1].into());
        let mut waiting: Vec<_> =
            (0..MOST + BURST as usize + 200).map(|_| Box::pin(refusals.hold(rude, true))).collect();
        let told = waiting.iter_mut().map(|hold| hold.now_or_never());
        assert_eq!(told.filter(Option::is_none).count(), MOST);
        drop(waiting);
        assert_eq!(refusals.waiting.load(Ordering::Relaxed), 0, "who has gone does not wait");
        let mut without_room = pin!(refusals.hold(rude, false));
        assert!(without_room.as_mut().now_or_never().is_some());
    }

    #[test]
    fn a_refusal_is_held_back_once() {
        let answer = |status, held| {
            let mut answer = HttpResponse::new(status);
            if held {
                mark_held(&mut answer);
            }
            is_refusal(&answer)
        };
        assert!(answer(StatusCode::TOO_MANY_REQUESTS, false));
        assert!(!answer(StatusCode::TOO_MANY_REQUESTS, true));
        assert!(!answer(StatusCode::OK, false) && !answer(StatusCode::UNAUTHORIZED, false));
    }
}
