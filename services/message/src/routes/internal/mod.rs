//! `/internal`: what the notification service asks. Signed.

pub mod contacts;
pub mod delivered;
pub mod frames;
pub mod identify;
pub mod log;
pub mod opening;

use actix_web::{
    HttpRequest,
    web::{self, Payload},
};
use http_kit::{
    Rejection,
    body::{self, BodyLimits},
    request::resource,
};
use serde::de::DeserializeOwned;

use crate::state::AppState;

/// Registers the routes between the services, with body limits of their own.
pub fn configure(limits: BodyLimits, config: &mut web::ServiceConfig) {
    let post = |path, route| resource(path, "POST").route(route);
    let routes = web::scope("/internal")
        .configure(|config| limits.between_services().configure(config))
        .service(resource("/events", "GET").route(web::get().to(log::list_events)))
        .service(resource("/opening", "GET").route(web::get().to(opening::read_opening)))
        .service(resource("/receipts", "GET").route(web::get().to(opening::list_receipts)))
        .service(post("/delivered", web::post().to(delivered::note_delivered)))
        .service(post("/identify", web::post().to(identify::identify)))
        .service(post("/contacts", web::post().to(contacts::list_contacts)))
        .service(post("/frames", web::post().to(frames::run_frame)));
    config.service(routes);
}

/// The body of a signed request.
async fn read<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: Payload,
    state: &AppState,
) -> Result<T, Rejection> {
    let body = body::read(request, &mut payload.into_inner()).await?;
    state.hop.check_signed(request, &body)?;
    body::parse(&body)
}
