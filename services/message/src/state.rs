//! [`AppState`]: what routes are handed.

use std::sync::Arc;

use http_kit::{InternalHop, RateLimit};

use crate::{
    identity::Identity,
    log::{ephemera::Facts, writer::Writer},
    metrics::Metrics,
    store::Store,
};

/// What handlers work with.
#[derive(Clone)]
pub struct AppState {
    /// Reads.
    pub store: Arc<dyn Store>,
    /// Writes.
    pub writer: Writer,
    /// Takes what is told and not kept.
    pub passing: Facts,
    /// Who may call `/internal`.
    pub hop: InternalHop,
    /// Finds out who is behind a request.
    pub identity: Arc<Identity>,
    /// How often an address may change something.
    pub post_rate: RateLimit,
    /// The longest message, in characters.
    pub max_content_chars: usize,
    /// Counts.
    pub metrics: Metrics,
}
