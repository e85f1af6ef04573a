//! [`Place`]: where in the ring a stream goes on.

use crate::event::ring::Position;

/// A place in the ring to go on from.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The place.
    pub position: Position,
    /// Where the ring ended when the place was taken: what lies before is replay.
    pub live_from: Position,
    /// How often the ring had been restarted when that was so.
    pub generation: u64,
}
