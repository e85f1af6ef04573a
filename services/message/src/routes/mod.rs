//! The route table.

pub mod client;
pub mod conversation;
pub mod conversations;
pub mod dialect;
pub mod direct;
pub mod inbox;
pub mod internal;
pub mod link;
pub mod me;
pub mod members;
pub mod message;
pub mod messages;
pub mod page;
mod people;
pub mod reactions;
pub mod receipts;
pub mod said;
pub mod sessions;
pub mod sync;
pub mod tickets;
pub mod typing;
pub mod users;

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
