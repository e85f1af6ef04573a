//! [`Head`]: how far the event log goes.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use common::EventId;

/// The last id of the event log, as it is now; clones follow it.
#[derive(Clone, Default)]
pub struct Head(Arc<AtomicU64>);

impl Head {
    /// Everything up to this id can be read, and has been offered to the relay.
    pub fn get(&self) -> EventId {
        EventId::from_micros(self.0.load(Ordering::Acquire)).unwrap_or_default()
    }

    /// It goes at least as far as this.
    pub(super) fn raise(&self, id: EventId) {
        self.0.fetch_max(id.micros(), Ordering::AcqRel);
    }
}
