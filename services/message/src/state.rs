//! [`AppState`]: what routes are handed.

use std::sync::Arc;

use actix_web::HttpRequest;
use common::EventId;
use http_kit::{InternalHop, RateLimit, Rejection};

use crate::{
    identity::Identity,
    log::{ephemera::Facts, writer::Writer},
    metrics::Metrics,
    store::{Store, StoreError},
};

/// What handlers work with.
#[derive(Clone)]
pub struct AppState {
    /// Reads.
    pub store: Arc<Store>,
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
    /// How often an address may move a marker or type, over WebSockets: ten of these cost what a post does.
    pub marker_rate: RateLimit,
    /// The longest message, in characters.
    pub max_content_chars: usize,
    /// Counts.
    pub metrics: Metrics,
}

impl AppState {
    /// How far the log goes: whoever reads now and goes on from here misses nothing.
    pub async fn cursor(&self) -> Result<EventId, StoreError> {
        match self.store.is_shared() {
            true => self.store.head().await,
            false => Ok(self.writer.head().get()),
        }
    }

    /// Takes what a request costs besides a post, in posts, or refuses it for now.
    pub fn charge(&self, request: &HttpRequest, posts: usize) -> Result<(), Rejection> {
        let address = self.identity.proxies.client_address(request);
        self.post_rate.take_many(address, u32::try_from(posts).unwrap_or(u32::MAX))
    }
}
