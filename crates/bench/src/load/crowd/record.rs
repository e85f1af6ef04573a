//! [`Record`]: what a client, a thread, or the whole crowd has seen.

use super::tally::Tally;
use crate::load::histogram::Histogram;

pub(crate) struct Record {
    pub(crate) tally: Tally,
    /// Sending to receiving, of every delivery.
    pub(crate) latency: Histogram,
}

impl Record {
    pub(super) fn new() -> Self {
        Self { tally: Tally::default(), latency: Histogram::new() }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.tally = self.tally.plus(&other.tally);
        self.latency.merge(&other.latency);
    }
}
