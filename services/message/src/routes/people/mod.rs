//! People: who they are, how they show it, and what is theirs.

pub mod inbox;
pub mod me;
pub mod sessions;
pub mod tickets;
pub mod users;

use actix_web::web;

/// Registers what begins with `/users`, `/sessions` and `/tickets`.
pub(super) fn configure(config: &mut web::ServiceConfig) {
    config
        // Before `/users/{user}`, which would answer for it.
        .configure(me::configure)
        .configure(users::configure)
        .configure(inbox::configure)
        .configure(sessions::configure)
        .configure(tickets::configure);
}
