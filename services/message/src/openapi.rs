//! The API's description, and the page that shows it.

use actix_web::{HttpResponse, web, web::Redirect};
pub use http_kit::rejection::ProblemBody;
use http_kit::request::{get, resource};
use utoipa::OpenApi;

use crate::routes::{message, messages, sync};

/// The description, served as `/openapi.json`.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "RealTalk: message service",
        description = "Validates, stores and forwards messages. Every error is \
                       application/problem+json with a stable code."
    ),
    paths(
        messages::post_message,
        messages::list_messages,
        message::get_message,
        message::edit_message,
        message::delete_message,
        message::add_reaction,
        message::remove_reaction,
        sync::sync_events
    )
)]
pub struct Api;

/// Registers `/openapi.json`, and `/docs` as another name for `/docs/`.
pub fn configure(config: &mut web::ServiceConfig) {
    config
        .service(resource("/openapi.json", "GET, HEAD").route(get().to(get_description)))
        .service(Redirect::new("/docs", "/docs/"));
}

async fn get_description() -> HttpResponse {
    HttpResponse::Ok().json(Api::openapi())
}
