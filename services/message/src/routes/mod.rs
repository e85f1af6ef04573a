//! The route table.

pub mod client;
pub mod internal;
pub mod message;
pub mod messages;
pub mod sync;

use std::sync::Arc;

use actix_web::web;
use http_kit::{
    InternalHop, RateLimit, TrustedProxies,
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

/// Registers the API.
pub fn configure(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/messages", "GET, HEAD, POST")
                .route(web::post().to(messages::post_message))
                .route(get().to(messages::list_messages)),
        )
        .service(
            resource("/messages/{id}", "GET, HEAD, PATCH, DELETE")
                .route(get().to(message::get_message))
                .route(web::patch().to(message::edit_message))
                .route(web::delete().to(message::delete_message)),
        )
        .service(
            resource("/messages/{id}/reactions/{emoji}", "PUT, DELETE")
                .route(web::put().to(message::add_reaction))
                .route(web::delete().to(message::remove_reaction)),
        )
        .service(resource("/sync", "GET, HEAD").route(get().to(sync::sync_events)))
        .configure(internal::configure);
}
