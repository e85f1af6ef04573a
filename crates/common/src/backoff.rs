//! [`Backoff`]: how long to wait before the next try.

use std::time::Duration;

/// Exponential backoff with full jitter: a random time up to a bound that doubles with each try.
///
/// Full jitter, because tries that wait for the same thing must not come back together ("Exponential
/// Backoff and Jitter", AWS Architecture Blog, 2015).
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    tries: u32,
}

impl Backoff {
    /// Waits up to `first` at first, and never more than `longest`.
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, tries: 0 }
    }

    /// The time to wait before the next try.
    pub fn next_delay(&mut self) -> Duration {
        let bound = self.first.saturating_mul(1 << self.tries.min(20)).min(self.longest);
        self.tries = self.tries.saturating_add(1);
        bound.mul_f64(rand::random())
    }

    /// How many delays have been handed out since the last success.
    pub const fn tries(&self) -> u32 {
        self.tries
    }

    /// A try succeeded: the next wait starts over.
    pub const fn reset(&mut self) {
        self.tries = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_to_its_longest_and_starts_over() {
        let mut backoff = Backoff::new(Duration::from_millis(10), Duration::from_millis(100));
        for round in 0..200_u32 {
            let bound = Duration::from_millis(10 << round.min(4)).min(Duration::from_millis(100));
            assert!(backoff.next_delay() <= bound, "round {round}");
        }
        backoff.reset();
        assert!(backoff.next_delay() <= Duration::from_millis(10));
        assert_eq!(backoff.tries(), 1);
    }
}
