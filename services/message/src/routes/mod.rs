//! The route table.

pub mod client;
pub mod conversations;
pub mod dialect;
pub mod internal;
pub mod link;
pub mod messages;
pub mod openapi;
pub mod page;
pub mod people;
pub mod sync;

use actix_web::web;

/// Registers the API, but for [`internal`].
pub fn configure(config: &mut web::ServiceConfig) {
    config
        .configure(messages::configure)
        .configure(conversations::configure)
        .configure(people::configure)
        .configure(sync::configure)
        .configure(dialect::configure);
}
