//! What happens to every request: an id, a line in the log, a place in the metrics, and an answer
//! in the common form when there is no such route or method.

use std::time::Instant;

use actix_web::{
    Error, HttpRequest, HttpResponse, Resource, Route,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    guard,
    http::{
        StatusCode,
        header::{ALLOW, HeaderName, HeaderValue},
    },
    middleware::Next,
    web,
};
use uuid::Uuid;

use crate::{Operations, Rejection};

/// Carries the request's id, both ways.
pub const ID: HeaderName = HeaderName::from_static("x-request-id");

tokio::task_local! {
    static CURRENT: String;
}

/// The id of the request that is being answered.
pub fn current_id() -> Option<String> {
    CURRENT.try_with(Clone::clone).ok()
}

/// Middleware: gives the request an id (the caller's, if it sent a usable one), and records how
/// it went. It ends when the head of the answer is ready, so a stream costs nothing here.
pub async fn observe(
    operations: web::Data<Operations>,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let id = request
        .headers()
        .get(ID)
        .and_then(|id| id.to_str().ok())
        .filter(|id| is_plain(id))
        .map_or_else(|| Uuid::new_v4().simple().to_string(), str::to_owned);
    let started = Instant::now();
    let method = request.method().clone();
    let mut response = CURRENT.scope(id.clone(), next.call(request)).await?;
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(ID, id);
    }
    let route = response.request().match_pattern().unwrap_or_else(|| "unknown".to_owned());
    let status = response.status();
    operations.record_request(method.as_str(), &route, status.as_u16(), started.elapsed());
    if status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE {
        tracing::error!(%method, route, status = status.as_u16(), request_id = id, "request failed");
    } else {
        tracing::debug!(%method, route, status = status.as_u16(), request_id = id, "request");
    }
    Ok(response)
}

/// An id of the caller goes into the log and back: letters, digits and a few marks only.
fn is_plain(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
}

/// A resource that answers 405, with the methods it does have, to all others.
///
/// `allow` lists them as in the `Allow` header: `GET, HEAD, POST`.
pub fn resource(path: &str, allow: &'static str) -> Resource {
    web::resource(path).default_service(web::to(move || async move {
        Err::<HttpResponse, _>(
            Rejection::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                format!("this resource answers {allow}"),
            )
            .with_header(ALLOW, HeaderValue::from_static(allow)),
        )
    }))
}

/// A route for GET, and for HEAD, which actix does not derive from it.
pub fn get() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// The answer to a path that is no route.
pub async fn not_found(request: HttpRequest) -> Result<HttpResponse, Rejection> {
    Err(Rejection::not_found(
        "route_not_found",
        format!("there is no {} here: see /openapi.json", request.path()),
    ))
}

/// The error handlers of actix's own extractors, in the common form.
pub fn extractor_errors(config: &mut web::ServiceConfig) {
    config.app_data(web::PathConfig::default().error_handler(|_, _| {
        Rejection::bad_request("invalid_path", "the path cannot be read").into()
    }));
}
