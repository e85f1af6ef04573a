//! The route table.

pub mod client;
pub mod identify;
pub mod internal;
pub mod me;
pub mod messages;
pub mod sessions;
pub mod sync;
pub mod tickets;
pub mod users;

use std::sync::Arc;

use actix_web::web;
use http_kit::{
    InternalHop, RateLimit, TrustedProxies,
    request::{get, resource},
};

use tokio::sync::mpsc;

use crate::{ephemera::Passing, identity::Identity, store::Store, writer::Writer};

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
    /// Finds out who is behind a request.
    pub identity: Arc<Identity>,
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
        .service(resource("/messages/{id}", "GET, HEAD").route(get().to(messages::get_message)))
        .service(resource("/sync", "GET, HEAD").route(get().to(sync::sync_events)))
        .configure(people)
        .service(resource("/internal/events", "GET").route(web::get().to(internal::list_events)))
        .service(resource("/internal/history", "GET").route(web::get().to(internal::list_history)));
}

/// Who people are.
fn people(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/users", "GET, HEAD, POST")
                .route(web::post().to(users::post_user))
                .route(get().to(users::list_users)),
        )
        .service(
            resource("/users/me", "GET, HEAD, PATCH")
                .route(web::patch().to(me::patch_me))
                .route(get().to(me::get_me)),
        )
        .service(
            resource("/users/{user}", "GET, HEAD, PATCH")
                .route(web::patch().to(users::patch_user))
                .route(get().to(users::get_user)),
        )
        .service(resource("/sessions", "POST").route(web::post().to(sessions::sign_in)))
        .service(
            resource("/sessions/current", "DELETE").route(web::delete().to(sessions::sign_out)),
        )
        .service(resource("/tickets", "POST").route(web::post().to(tickets::post_ticket)))
        .service(resource("/internal/identify", "POST").route(web::post().to(identify::identify)));
}
