//! The API's description.

use actix_web::{HttpResponse, web};
use http_kit::{
    description::Refusals,
    request::{get, resource},
};
use utoipa::OpenApi;

use super::{chat, events, notify, presence, ws};

/// The description, served as `/openapi.json`.
#[derive(OpenApi)]
#[openapi(
    modifiers(&Refusals),
    info(
        title = "RealTalk: notification service",
        description = "Broadcasts events to clients. Every error is application/problem+json \
                       with a stable code."
    ),
    paths(
        events::stream_events,
        ws::open_socket,
        chat::stream_chat,
        presence::list_present,
        notify::notify
    )
)]
pub struct Api;

/// Registers `/openapi.json`.
pub fn configure(config: &mut web::ServiceConfig) {
    config.service(resource("/openapi.json", "GET, HEAD").route(get().to(get_description)));
}

async fn get_description() -> HttpResponse {
    HttpResponse::Ok().json(Api::openapi())
}
