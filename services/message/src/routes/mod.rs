//! The route table.

pub mod client;
pub mod contacts;
pub mod conversations;
pub mod dialect;
pub mod direct;
pub mod inbox;
pub mod internal;
pub mod link;
pub mod members;
pub mod messages;
pub mod receipts;
pub mod said;
pub mod sync;
pub mod typing;

use std::sync::Arc;

use actix_web::web;
use http_kit::{
    AuthMode, InternalHop, RateLimit, TrustedProxies,
    request::{get, resource},
};

use tokio::sync::mpsc;

use crate::{ephemera::Passing, store::Store, writer::Writer};

/// What handlers work with.
#[derive(Clone)]
pub struct AppState {
    /// Reads.
    pub store: Arc<dyn Store>,
    /// Writes.
    pub writer: Writer,
    /// Takes what is told and not kept.
    pub passing: mpsc::Sender<Passing>,
    /// Whether names are taken as given.
    pub auth_mode: AuthMode,
    /// Who may call `/internal`.
    pub hop: InternalHop,
    /// Whose `X-Forwarded-For` is believed.
    pub proxies: TrustedProxies,
    /// How often one address may post.
    pub post_rate: RateLimit,
    /// The longest message, in characters.
    pub max_content_chars: usize,
    /// Counts.
    pub metrics: crate::metrics::Metrics,
}

impl AppState {
    /// Whether names are taken as given.
    pub fn is_open(&self) -> bool {
        self.auth_mode == AuthMode::Open
    }
}

/// Registers the API.
pub fn configure(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/messages", "GET, HEAD, POST")
                .route(web::post().to(messages::post_message))
                .route(get().to(messages::list_messages)),
        )
        .service(resource("/messages/{id}", "GET, HEAD").route(get().to(messages::get_message)))
        .configure(conversations::configure)
        .configure(dialect::configure)
        .service(resource("/sync", "GET, HEAD").route(get().to(sync::sync_events)))
        .service(resource("/internal/events", "GET").route(web::get().to(internal::list_events)))
        .service(resource("/internal/history", "GET").route(web::get().to(internal::list_history)))
        .service(
            resource("/internal/contacts", "POST").route(web::post().to(contacts::list_contacts)),
        );
}
