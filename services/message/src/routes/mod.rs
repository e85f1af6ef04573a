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
pub mod receipts;
pub mod said;
pub mod sessions;
pub mod sync;
pub mod tickets;
pub mod typing;
pub mod users;

use actix_web::web;
use http_kit::request::{get, resource};

/// Registers the API, but for [`internal`].
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
        .configure(conversations::configure)
        .configure(dialect::configure)
        .configure(people);
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
        .service(resource("/tickets", "POST").route(web::post().to(tickets::post_ticket)));
}
