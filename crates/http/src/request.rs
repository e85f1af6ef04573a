//! What every service does with requests: methods that are routed, and an answer in the common form
//! when there is no such route or method.

use actix_web::{
    HttpRequest, HttpResponse, Resource, Route, guard,
    http::{
        StatusCode,
        header::{ALLOW, HeaderValue},
    },
    rt::{self, task::JoinError},
    web,
};

use crate::{rejection::Rejection, request_id};

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

/// Work that goes on after the answer to a request, and is still of it: what it refuses names its id.
pub fn of_this<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let id = request_id::current();
    async move {
        match id {
            Some(id) => request_id::scope(id, work).await,
            None => work.await,
        }
    }
}

/// Works on an answer to the end, also when its client goes away meanwhile: what the work holds is given back
/// when it is done, and not before.
pub async fn to_the_end<T: 'static>(
    work: impl Future<Output = T> + 'static,
) -> Result<T, JoinError> {
    rt::spawn(of_this(work)).await
}
