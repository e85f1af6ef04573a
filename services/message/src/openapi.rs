//! The API's description, and the page that shows it.

use actix_web::{HttpResponse, web, web::Redirect};
pub use http_kit::rejection::ProblemBody;
use http_kit::request::{get, resource};
use utoipa::OpenApi;

use crate::routes::{
    conversations, direct, inbox, members, messages, receipts, said, sync, typing,
};

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
        messages::get_message,
        conversations::list_conversations,
        conversations::create_conversation,
        conversations::get_conversation,
        conversations::update_conversation,
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
