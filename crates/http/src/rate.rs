//! [`RateLimit`]: how often an address may do something.

use std::{net::IpAddr, num::NonZeroU32, sync::Arc, time::Duration};

use actix_web::{
    ResponseError,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER},
    },
    middleware::Next,
};
use governor::{
    NotUntil, Quota, RateLimiter,
    clock::{Clock, DefaultClock, QuantaInstant},
    middleware::StateInformationMiddleware,
    state::keyed::DefaultKeyedStateStore,
};

use crate::{
    address::{Shares, TrustedProxies, site},
    rejection::Rejection,
};

/// How often idle addresses are forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(60);

type Limiter =
    RateLimiter<IpAddr, DefaultKeyedStateStore<IpAddr>, DefaultClock, StateInformationMiddleware>;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// A token bucket for each [`site`].
///
/// Loopback addresses are exempt by default: they are this machine's own programs, or a proxy that is not
/// named in `TRUSTED_PROXIES` and would make all clients share one bucket.
#[derive(Clone)]
pub struct RateLimit {
    limiter: Option<Arc<Limiter>>,
    burst: u32,
    shares: Shares,
}

/// What is left of a client's allowance.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    limit: u32,
    remaining: u32,
}

impl RateLimit {
    /// Allows `per_second` in the long run, 0 for any number, and `burst` at once, 0 for as many.
    pub fn new(per_second: u32, burst: u32) -> Self {
        Self::with(NonZeroU32::new(per_second).map(|per_second| {
            Quota::per_second(per_second).allow_burst(NonZeroU32::new(burst).unwrap_or(per_second))
        }))
    }

    /// Allows this many a minute, at once or one by one; 0 for any number.
    pub fn per_minute(count: u32) -> Self {
        Self::with(NonZeroU32::new(count).map(Quota::per_minute))
    }

    /// The same, with loopback as an address like any other, or not.
    pub fn limiting(self, limits_loopback: bool) -> Self {
        Self { shares: Shares { loopback: limits_loopback, ..self.shares }, ..self }
    }

    fn with(quota: Option<Quota>) -> Self {
        let limiter = quota.map(|quota| {
            Arc::new(RateLimiter::keyed(quota).with_middleware::<StateInformationMiddleware>())
        });
        let burst = quota.map_or(0, |quota| quota.burst_size().get());
        let shares = Shares { by_address: true, loopback: false };
        Self { limiter, burst, shares }
    }

    /// Takes one token of this address, or refuses with 429 and the time to wait.
    pub fn take(&self, address: IpAddr) -> Result<Option<Allowance>, Rejection> {
        let Some(limiter) = self.limiter_of(address) else {
            return Ok(None);
        };
        match limiter.check_key(&site(address)) {
            Ok(state) => Ok(Some(Allowance {
                limit: self.burst,
                remaining: state.remaining_burst_capacity(),
            })),
            Err(early) => Err(self.too_early(&early)),
        }
    }

    /// Takes what something costs besides its request, or half of all that there can be, or refuses as
    /// [`take`](Self::take) does. Were it all, whoever always does a little could never do much.
    pub fn take_many(&self, address: IpAddr, cost: u32) -> Result<(), Rejection> {
        let Some(cost) = NonZeroU32::new(cost.min(self.burst / 2)) else {
            return Ok(());
        };
        let Some(limiter) = self.limiter_of(address) else {
            return Ok(());
        };
        match limiter.check_key_n(&site(address), cost) {
            Ok(Err(early)) => Err(self.too_early(&early)),
            // It is never more than there can be.
            Ok(Ok(_)) | Err(_) => Ok(()),
        }
    }

    fn limiter_of(&self, address: IpAddr) -> Option<&Limiter> {
        self.limiter.as_deref().filter(|_| self.shares.bound(address))
    }

    fn too_early(&self, early: &NotUntil<QuantaInstant>) -> Rejection {
        let wait = early.wait_time_from(DefaultClock::default().now());
        let seconds = wait.as_secs_f64().ceil().max(1.0) as u64;
        refusal("too many requests from your address", self.burst, seconds)
    }

    /// Lets requests that change something pass at this rate, of whichever address the proxies
    /// say they come from, and tells what is left. Calls among the services are not counted.
    pub async fn limit_changes(
        self,
        proxies: TrustedProxies,
        request: ServiceRequest,
        next: Next<impl MessageBody + 'static>,
    ) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
        if request.method().is_safe() || request.path().starts_with("/internal/") {
            return Ok(next.call(request).await?.map_into_left_body());
        }
        match self.take(proxies.client_address(request.request())) {
            Ok(allowance) => {
                let mut response = next.call(request).await?;
                if let Some(allowance) = allowance {
                    allowance.describe(response.headers_mut());
                }
                Ok(response.map_into_left_body())
            }
            Err(rejection) => {
                Ok(request.into_response(rejection.error_response()).map_into_right_body())
            }
        }
    }

    /// Forgets addresses whose buckets are full again. Call it from time to time, so that
    /// memory follows the clients of the last minutes and not of all time.
    fn forget_idle(&self) {
        if let Some(limiter) = &self.limiter {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}

/// Has rate limits forget addresses that are idle, for as long as it is polled.
pub async fn forget_idle(limits: impl IntoIterator<Item = RateLimit>) {
    let limits: Vec<_> = limits.into_iter().collect();
    let mut interval = tokio::time::interval(FORGET_EVERY);
    loop {
        interval.tick().await;
        limits.iter().for_each(RateLimit::forget_idle);
    }
}

/// 429: too many of something of which `limit` are possible at once; the next one in `seconds`.
pub fn refusal(reason: &str, limit: u32, seconds: u64) -> Rejection {
    Rejection::new(
        StatusCode::TOO_MANY_REQUESTS,
        "rate_limited",
        format!("{reason}: try again in {seconds} s"),
    )
    .with_header(RETRY_AFTER, HeaderValue::from(seconds))
    .with_header(LIMIT, HeaderValue::from(limit))
    .with_header(REMAINING, HeaderValue::from(0))
    .with_header(RESET, HeaderValue::from(seconds))
}

impl Allowance {
    /// Tells the client what is left, unless a stricter limit has.
    fn describe(self, headers: &mut HeaderMap) {
        if !headers.contains_key(LIMIT) {
            headers.insert(LIMIT, HeaderValue::from(self.limit));
            headers.insert(REMAINING, HeaderValue::from(self.remaining));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn each_address_has_its_own_bucket_and_loopback_none() {
        let limit = RateLimit::new(1, 3);
        let (one, other): (IpAddr, IpAddr) =
            ("203.0.113.1".parse().unwrap(), "203.0.113.2".parse().unwrap());
        assert_eq!(limit.take(one).unwrap().unwrap().remaining, 2);
        let refused = std::iter::repeat_with(|| limit.take(one)).find_map(Result::err).unwrap();
        assert_eq!((refused.status().as_u16(), refused.code()), (429, "rate_limited"));
        assert_eq!(limit.take(other).unwrap().unwrap().remaining, 2);
        // Neighbours share what is allowed, and what has come in since.
        let started = Instant::now();
        let neighbour = |n: usize| limit.take(format!("2001:db8::{n:x}").parse().unwrap());
        let taken = (1..).take_while(|n| neighbour(*n).is_ok()).count() as u64;
        assert!((3..=4 + started.elapsed().as_secs()).contains(&taken), "{taken}");
        for _ in 0..10 {
            assert!(limit.take("127.0.0.1".parse().unwrap()).unwrap().is_none());
        }
    }
}
