//! The route table.

pub mod chat;
pub mod events;
pub mod notify;
pub mod openapi;
pub mod presence;
pub mod ws;

use actix_web::web;
use http_kit::request::{get, resource};

/// Registers the API.
pub fn configure(config: &mut web::ServiceConfig) {
    config
        .service(resource("/events", "GET").route(web::get().to(events::stream_events)))
        .service(resource("/presence", "GET, HEAD").route(get().to(presence::list_present)))
        .service(resource("/ws", "GET").route(web::get().to(ws::open_socket)))
        .service(resource("/sse/chat", "GET").route(web::get().to(chat::stream_chat)))
        .service(resource("/notify", "POST").route(web::post().to(notify::notify)));
}
