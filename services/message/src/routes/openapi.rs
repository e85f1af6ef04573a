//! The API's description, and the page that shows it.

use actix_web::{HttpResponse, web, web::Redirect};
use http_kit::{
    description::{LimitedChanges, Refusals},
    request::{get, resource},
};
use utoipa::OpenApi;

use super::{
    conversations::{self, conversation, direct, members, receipts, said, typing},
    dialect,
    messages::{self, message, reactions},
    people::{inbox, me, sessions, tickets, users},
    sync,
};

/// The description, served as `/openapi.json`.
#[derive(OpenApi)]
#[openapi(
    modifiers(&Refusals, &LimitedChanges),
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
        reactions::add_reaction,
        reactions::remove_reaction,
        sync::sync_events,
        users::post_user,
        users::list_users,
        users::get_user,
        users::patch_user,
        me::get_me,
        me::patch_me,
        sessions::sign_in,
        sessions::sign_out,
        tickets::post_ticket,
        conversations::list_conversations,
        conversations::create_conversation,
        conversation::get_conversation,
        conversation::update_conversation,
        said::list_conversation_messages,
        said::post_to_conversation,
        direct::resolve_direct,
        members::list_members,
        members::put_member,
        members::delete_member,
        receipts::mark_read,
        receipts::mark_delivered,
        receipts::mark_all,
        typing::say_typing,
        inbox::list_user_conversations,
        inbox::list_user_messages,
        dialect::write::post_message,
        dialect::write::resolve,
        dialect::read::list_messages,
        dialect::read::list_conversations,
        dialect::read::list_received,
        dialect::redirect_to_stream
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
