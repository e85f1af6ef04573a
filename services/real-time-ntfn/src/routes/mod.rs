//! The route table.

mod begin;
pub mod chat;
pub mod events;
pub mod notify;
pub mod openapi;
pub mod presence;
pub mod ws;

use actix_web::web;
use http_kit::{
    nameless::Nameless,
    request::{get, resource},
};

/// What pages without an origin may ask for: the public room's stream, as nobody.
pub const NAMELESS: &[Nameless] = &[Nameless {
    method: "GET",
    path: "/events",
    parameters: &[
        ("client_id", None),
        ("rooms", Some("public")),
        ("history", None),
        ("last_event_id", None),
        ("lastEventId", None),
    ],
}];

/// Registers the API.
pub fn configure(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/events", "GET, HEAD")
                .route(web::get().to(events::stream_events))
                .route(web::head().to(events::describe_stream)),
        )
        .service(resource("/presence", "GET, HEAD").route(get().to(presence::list_present)))
        .service(resource("/ws", "GET").route(web::get().to(ws::open_socket)))
        .service(
            resource("/sse/chat", "GET, HEAD")
                .route(web::get().to(chat::stream_chat))
                .route(web::head().to(events::describe_stream)),
        )
        .service(resource("/notify", "POST").route(web::post().to(notify::notify)));
}
