//! What the clients of a thread, or of the whole crowd, have seen so far.

use std::fmt;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

/// Counters that add up over threads.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Tally {
    /// Subscriptions that stand now.
    pub(crate) ready: u64,
    /// Clients that have received every post of the plan.
    pub(crate) complete: u64,
    /// Marked events received.
    pub(crate) deliveries: u64,
    /// `event: receipt`.
    pub(crate) receipts: u64,
    /// Marked events that do not name the client they came to.
    pub(crate) misdirected: u64,
    /// Bytes received in bodies, framing and all.
    pub(crate) bytes: u64,
    /// Posts that a client skipped.
    pub(crate) lost: u64,
    /// Posts that came again, or after a later one.
    pub(crate) repeated: u64,
    /// Messages whose id did not grow.
    pub(crate) disordered: u64,
    /// Streams that the server ended.
    pub(crate) cut: u64,
    /// Answers other than 200.
    pub(crate) refused: u64,
    /// `event: reset` and `event: busy`.
    pub(crate) sent_away: u64,
    /// When the last client so far became complete, by [`crate::clock`].
    pub(crate) last_complete: u64,
    /// The longest time from the end of a client's own `retry:` to its last post, in nanoseconds.
    pub(crate) slowest_return: u64,
}

impl Tally {
    pub(crate) fn plus(&self, other: &Self) -> Self {
        Self {
            ready: self.ready + other.ready,
            complete: self.complete + other.complete,
            deliveries: self.deliveries + other.deliveries,
            receipts: self.receipts + other.receipts,
            misdirected: self.misdirected + other.misdirected,
            bytes: self.bytes + other.bytes,
            lost: self.lost + other.lost,
            repeated: self.repeated + other.repeated,
            disordered: self.disordered + other.disordered,
            cut: self.cut + other.cut,
            refused: self.refused + other.refused,
            sent_away: self.sent_away + other.sent_away,
            last_complete: self.last_complete.max(other.last_complete),
            slowest_return: self.slowest_return.max(other.slowest_return),
        }
    }

    /// An error if any client saw a gap, a repetition, a wrong order or a `reset`.
    pub(crate) fn faultless(&self) -> Result<()> {
        let faults = self.lost + self.repeated + self.disordered + self.sent_away;
        ensure!(faults == 0, "{self}");
        Ok(())
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} ready, {} complete, {} deliveries, {} lost, {} repeated, {} out of order by id, \
             {} cut, {} refused, {} sent away",
            self.ready,
            self.complete,
            self.deliveries,
            self.lost,
            self.repeated,
            self.disordered,
            self.cut,
            self.refused,
            self.sent_away
        )
    }
}
