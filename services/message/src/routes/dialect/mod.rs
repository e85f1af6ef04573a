//! The dialect of another chat, under `/TaskMgt/api`: the same conversations and messages by
//! other names, for clients that speak it.
//!
//! It knows direct conversations only, pages by `skip` and `limit`, and answers 400 where this
//! service says 422.

pub mod read;
pub mod shape;
pub mod write;

use actix_web::{
    Error, HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody, to_bytes},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION},
    },
    middleware::Next,
    web::{self, Data},
};
use common::problem;
use http_kit::request::{self, get, resource};
use serde_json::{Map, Value, json};

use super::client::Client;
use crate::state::AppState;

const PREFIX: &str = "/TaskMgt/api";

/// Registers the dialect, and `/sse/chat`.
pub fn configure(config: &mut web::ServiceConfig) {
    config
        .service(
            web::scope(PREFIX)
                .service(resource("/messages", "POST").route(web::post().to(write::post_message)))
                .service(
                    resource("/conversations/resolve", "POST")
                        .route(web::post().to(write::resolve)),
                )
                .service(
                    resource("/conversations/{id}/messages", "GET, HEAD")
                        .route(get().to(read::list_messages)),
                )
                .service(
                    resource("/users/{user}/conversations", "GET, HEAD")
                        .route(get().to(read::list_conversations)),
                )
                .service(
                    resource("/users/{user}/messages", "GET, HEAD")
                        .route(get().to(read::list_received)),
                )
                .service(resource("/sse/chat", "GET, HEAD").route(get().to(redirect_to_stream)))
                .default_service(web::to(request::not_found)),
        )
        .service(resource("/sse/chat", "GET, HEAD").route(get().to(redirect_to_stream)));
}

/// Go to one user's stream: it is the notification service's, and the dialect has one address for
/// everything.
#[utoipa::path(
    get, path = "/sse/chat", tag = "dialect",
    params(("userId" = Option<String>, Query, description = "whose", example = "alice")),
    responses((status = 307, description = "the stream's address, in Location"))
)]
pub async fn redirect_to_stream(
    request: HttpRequest,
    client: Data<Client>,
    state: Data<AppState>,
) -> HttpResponse {
    // A browser that is sent on to another origin says that the page has none.
    let page = state.identity.origins.allowed_origin(&request);
    let page = page.map(|origin| state.hop.vouch(origin)).unwrap_or_default();
    let mut target = format!("{}/sse/chat", client.notification_url(&request));
    let parameters = [request.query_string(), &page].into_iter().filter(|part| !part.is_empty());
    for (index, part) in parameters.enumerate() {
        target.push(if index == 0 { '?' } else { '&' });
        target.push_str(part);
    }
    HttpResponse::TemporaryRedirect()
        .insert_header((LOCATION, target))
        .insert_header((CACHE_CONTROL, "no-store"))
        .finish()
}

/// Adds `error` to the dialect's problems: there its clients look for what went wrong.
pub async fn answer_problems(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let speaks = request.path().starts_with(PREFIX);
    let response = next.call(request).await?.map_into_boxed_body();
    let kind = response.headers().get(CONTENT_TYPE);
    if !speaks || kind.is_none_or(|kind| kind != problem::CONTENT_TYPE) {
        return Ok(response);
    }
    let (request, response) = response.into_parts();
    let (mut response, body) = response.into_parts();
    let body = to_bytes(body).await.unwrap_or_default();
    let mut body: Map<String, Value> = serde_json::from_slice(&body)?;
    if response.status() == StatusCode::UNPROCESSABLE_ENTITY {
        response.head_mut().status = StatusCode::BAD_REQUEST;
        body.insert("status".to_owned(), json!(400));
        body.insert("title".to_owned(), json!("Bad Request"));
    }
    for error in body.get_mut("errors").and_then(Value::as_array_mut).into_iter().flatten() {
        let field = error["field"].as_str().map(|field| own_name(field, request.path()));
        error["field"] = json!(field);
    }
    let detail = body.get("detail").cloned().unwrap_or_default();
    body.insert("error".to_owned(), detail);
    let body = serde_json::to_vec(&body)?;
    Ok(ServiceResponse::new(request, response.set_body(BoxBody::new(body))))
}

/// What the dialect calls a field.
fn own_name<'a>(field: &'a str, path: &str) -> &'a str {
    let resolving = path.ends_with("/resolve");
    match field {
        "user" if resolving => "user1",
        "recipient" if resolving => "user2",
        "user" => "senderId",
        "recipient" => "receiverId",
        "content" => "text",
        field => field,
    }
}
