//! [`Health`]: whether the store can be written to.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use crate::store::StoreError;

/// Whether the last write succeeded; clones say the same.
#[derive(Clone, Debug, Default)]
pub struct Health {
    has_failed: Arc<AtomicBool>,
}

impl Health {
    /// Whether it did.
    pub fn is_good(&self) -> bool {
        !self.has_failed.load(Ordering::Relaxed)
    }

    /// Logged when it begins and when it ends, not once a post.
    pub(super) fn failed(&self, error: &StoreError) {
        if !self.has_failed.swap(true, Ordering::Relaxed) {
            tracing::error!(%error, "posts cannot be stored; clients are asked to try again");
        }
    }

    pub(super) fn recovered(&self) {
        if self.has_failed.swap(false, Ordering::Relaxed) {
            tracing::info!("posts are stored again");
        }
    }
}
