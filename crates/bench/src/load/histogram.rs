//! Latencies, in nanoseconds, with three significant digits.

use std::time::Duration;

/// From one microsecond to two minutes; anything outside is recorded at the nearer end.
const RANGE_NS: std::ops::RangeInclusive<u64> = 1_000..=120_000_000_000;

/// A latency histogram that threads fill on their own and merge at the end.
#[derive(Clone)]
pub(crate) struct Histogram(hdrhistogram::Histogram<u64>);

impl Histogram {
    pub(crate) fn new() -> Self {
        let inner = hdrhistogram::Histogram::new_with_bounds(*RANGE_NS.start(), *RANGE_NS.end(), 3)
            .expect("the bounds are constants that satisfy the crate's rule low * 2 <= high");
        Self(inner)
    }

    pub(crate) fn record(&mut self, nanos: u64) {
        self.0.saturating_record(nanos.clamp(*RANGE_NS.start(), *RANGE_NS.end()));
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.0.add(&other.0).expect("every histogram here has the same bounds");
    }

    /// The latency that the given share (0–1) of the samples does not exceed.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        Duration::from_nanos(self.0.value_at_quantile(share))
    }

    /// The same in milliseconds, the unit of the tables.
    pub(crate) fn quantile_ms(&self, share: f64) -> f64 {
        self.quantile(share).as_secs_f64() * 1e3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_keep_three_digits() {
        let mut histogram = Histogram::new();
        for micros in 1..=10_000 {
            histogram.record(micros * 1_000);
        }
        let p50 = histogram.quantile_ms(0.5);
        let p99 = histogram.quantile_ms(0.99);
        assert!((4.99..=5.01).contains(&p50), "{p50}");
        assert!((9.89..=9.91).contains(&p99), "{p99}");
    }

    #[test]
    fn merging_equals_recording_in_one() {
        let (mut one, mut left, mut right) = (Histogram::new(), Histogram::new(), Histogram::new());
        for step in 0..1_000_u64 {
            let nanos = step * step * 977;
            one.record(nanos);
            if step % 3 == 0 {
                left.record(nanos);
            } else {
                right.record(nanos);
            }
        }
        left.merge(&right);
        assert_eq!(left.0.len(), 1_000);
        for share in [0.0, 0.5, 0.9, 0.99, 1.0] {
            assert_eq!(left.quantile(share), one.quantile(share));
        }
    }

    #[test]
    fn values_outside_the_range_are_kept_at_its_ends() {
        let mut histogram = Histogram::new();
        histogram.record(0);
        histogram.record(u64::MAX);
        assert_eq!(histogram.0.len(), 2);
        assert!(histogram.quantile(1.0) >= Duration::from_secs(119));
    }
}
