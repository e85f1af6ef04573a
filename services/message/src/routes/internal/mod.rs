//! `/internal`: what the notification service asks. Signed.

pub mod delivered;
pub mod frames;
pub mod log;
pub mod opening;

use actix_web::web;
use http_kit::request::resource;

/// Registers the routes between the services.
pub fn configure(config: &mut web::ServiceConfig) {
    config
        .service(resource("/internal/events", "GET").route(web::get().to(log::list_events)))
        .service(resource("/internal/opening", "GET").route(web::get().to(opening::read_opening)))
        .service(resource("/internal/receipts", "GET").route(web::get().to(opening::list_receipts)))
        .service(
            resource("/internal/delivered", "POST")
                .route(web::post().to(delivered::note_delivered)),
        )
        .service(resource("/internal/frames", "POST").route(web::post().to(frames::run_frame)));
}
