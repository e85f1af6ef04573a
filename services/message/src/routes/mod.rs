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
pub mod reading;
pub mod sync;

use actix_web::web;
use http_kit::nameless::Nameless;

/// What pages without an origin may ask for: where the services are, and the public room, as nobody.
/// What they post is looked at in [`messages`].
pub const NAMELESS: &[Nameless] = &[
    Nameless { method: "GET", path: "/config.json", parameters: &[] },
    Nameless {
        method: "GET",
        path: "/messages",
        parameters: &[
            ("limit", None),
            ("before", None),
            ("after", None),
            ("around", None),
            ("conversation_id", Some("public")),
        ],
    },
    Nameless { method: "POST", path: "/messages", parameters: &[] },
];

/// Registers the API, but for [`internal`].
pub fn configure(config: &mut web::ServiceConfig) {
    config
        .configure(messages::configure)
        .configure(conversations::configure)
        .configure(people::configure)
        .configure(sync::configure)
        .configure(dialect::configure);
}
