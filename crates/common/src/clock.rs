//! [`Clock`], and the [`Moment`]s that it tells. Clocks are set, and may be wrong: what has an order
//! has an [`EventId`](crate::EventId), and a moment is only ever shown, or compared with another one
//! where a date is what counts.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;

/// When something happened, as a clock said: microseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(u64);

impl Moment {
    /// The moment with this many microseconds since 1970.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970.
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// So long before; never before 1970.
    pub fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)))
    }

    /// How long after an earlier moment this one is; nothing if it is not.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// RFC 3339 with microseconds, in UTC.
impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // What lies outside of jiff's range no clock says.
        let micros = i64::try_from(self.0).unwrap_or(i64::MAX);
        write!(f, "{:.6}", Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX))
    }
}

/// Tells the time; clones tell the same.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// By how much it is ahead of the system's, in microseconds.
    ahead: Arc<AtomicI64>,
}

impl Clock {
    /// What time it is.
    pub fn now(&self) -> Moment {
        let ahead = self.ahead.load(Ordering::Relaxed);
        let micros = Timestamp::now().as_microsecond().saturating_add(ahead);
        Moment(u64::try_from(micros).unwrap_or(0))
    }

    /// Sets it to so many seconds ahead of the system's clock, or behind it: what an operator does to
    /// that clock, done to this one alone.
    pub fn set_ahead(&self, seconds: i64) {
        self.ahead.store(seconds.saturating_mul(1_000_000), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_as_rfc_3339() {
        let moment = Moment::from_micros(1_704_110_400_123_456);
        assert_eq!(moment.to_string(), "2024-01-01T12:00:00.123456Z");
        assert_eq!(Moment::default().to_string(), "1970-01-01T00:00:00.000000Z");
        assert!(Moment::from_micros(u64::MAX).to_string().starts_with("9999-12-30T"));
    }

    #[test]
    fn a_clock_can_be_set_and_its_clones_with_it() {
        let (clock, year) = (Clock::default(), 365 * 86_400);
        let (clone, right) = (clock.clone(), clock.now());
        clone.set_ahead(10 * year);
        assert!(clock.now().since(right) >= Duration::from_secs(10 * 365 * 86_400));
        clock.set_ahead(i64::MIN);
        assert_eq!(clock.now(), Moment::default());
    }
}
