//! [`Follower`]: whoever runs streams from a copy of the hub's ring.

use std::{sync::Arc, time::Duration};

use common::{EventId, event::SessionEnded};

use crate::event::ring::Entry;

/// Runs streams from a copy of the hub's ring.
///
/// It is told what the hub's own streams are told, in the same order and under the same lock, so
/// that a position means the same in both. None of it waits.
pub trait Follower: Send + Sync {
    /// Whether it can take more entries; publishing waits until it can.
    fn has_room(&self) -> bool;

    /// Takes entries to the end of its ring, and gives them to whom they are for.
    fn publish(&self, entries: &Arc<[Arc<Entry>]>);

    /// The log goes on after `head`, with a hole before it.
    fn restart(&self, head: EventId);

    /// Ends the streams of a user whose sessions are over, and tells them why.
    fn end_sessions(&self, ended: &SessionEnded);

    /// Ends all streams, spread over a window.
    fn drain(&self, window: Duration);

    /// How many streams it runs.
    fn streams(&self) -> usize;

    /// Whether a part of it has failed. Its clients have been cut and come back to the others, but a
    /// process in which that happened should be replaced.
    fn has_failed(&self) -> bool;
}
