//! [`Bucket`]: how much a client may send.

use std::time::Instant;

use crate::config::FrameRate;

/// A token bucket.
#[derive(Debug)]
pub(super) struct Bucket {
    tokens: f32,
    filled: Instant,
    /// Frames refused since the bucket was last full.
    refused: u32,
}

/// What becomes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Take,
    Refuse,
    /// It has been refused as often as a burst has frames, without a pause.
    Abuse,
}

impl Bucket {
    pub(super) fn new(rate: FrameRate, now: Instant) -> Self {
        Self { tokens: rate.burst as f32, filled: now, refused: 0 }
    }

    /// Judges the next frame.
    pub(super) fn take(&mut self, rate: FrameRate, now: Instant) -> Verdict {
        if rate.per_second == 0 {
            return Verdict::Take;
        }
        let (burst, passed) = (rate.burst as f32, now.saturating_duration_since(self.filled));
        self.filled = now;
        self.tokens = (self.tokens + passed.as_secs_f32() * rate.per_second as f32).min(burst);
        if self.tokens >= burst {
            self.refused = 0;
        }
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Verdict::Take;
        }
        self.refused += 1;
        if self.refused > rate.burst { Verdict::Abuse } else { Verdict::Refuse }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_passes_then_the_rate_and_then_patience_ends() {
        let rate = FrameRate { per_second: 2, burst: 3 };
        let start = Instant::now();
        let mut bucket = Bucket::new(rate, start);
        let mut at = |millis| bucket.take(rate, start + Duration::from_millis(millis));
        assert_eq!(
            [at(0), at(0), at(0), at(0)],
            [Verdict::Take, Verdict::Take, Verdict::Take, Verdict::Refuse]
        );
        assert_eq!([at(500), at(500), at(500)], [Verdict::Take, Verdict::Refuse, Verdict::Refuse]);
        assert_eq!(at(500), Verdict::Abuse);
        // A pause that fills the bucket makes good.
        assert_eq!(
            [at(3_000), at(3_000), at(3_000), at(3_000)],
            [Verdict::Take, Verdict::Take, Verdict::Take, Verdict::Refuse]
        );
    }
}
