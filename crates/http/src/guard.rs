//! [`OriginPolicy::guard`]: under which names a service answers, where these decide which pages may
//! call.
//!
//! A page whose own name has come to point to this machine (DNS rebinding) is of the service's own
//! origin for a browser: it needs no permission and sends no `Origin`. What tells it from the pages
//! of this machine is `Host`, which it cannot choose.

use actix_cors::CorsError;
use actix_web::{
    ResponseError,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{StatusCode, header::HOST},
    middleware::Next,
};
use common::signature;

use crate::{host, operations, origin::OriginPolicy, rejection::Rejection};

impl OriginPolicy {
    /// Middleware: where all pages of this machine may call, refuses requests under names that
    /// others may have given it. Operations stay open, and signed calls show by themselves who
    /// makes them: the services call each other by the names of their containers. Also says in the
    /// common form why a page may not do what it asks before it does it.
    pub async fn guard(
        self,
        request: ServiceRequest,
        next: Next<impl MessageBody + 'static>,
    ) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
        if self == Self::Local
            && let Err(rejection) = check_host(&request)
        {
            return Ok(request.into_response(rejection.error_response()).map_into_right_body());
        }
        let response = next.call(request).await?;
        let refused = response.response().error().and_then(|error| error.as_error::<CorsError>());
        let Some(reason) = refused else {
            return Ok(response.map_into_left_body());
        };
        let rejection = self.check(response.request()).err().unwrap_or_else(|| {
            Rejection::bad_request("preflight_refused", format!("a page may not: {reason}"))
        });
        let (request, _) = response.into_parts();
        Ok(ServiceResponse::new(request, rejection.error_response()).map_into_right_body())
    }
}

fn check_host(request: &ServiceRequest) -> Result<(), Rejection> {
    // Every browser sends one.
    let Some(host) = request.headers().get(HOST) else {
        return Ok(());
    };
    let host = host.to_str().unwrap_or_default();
    let path = request.path();
    let signed = (path == "/notify" || path.starts_with("/internal/"))
        && request.headers().contains_key(signature::HEADER);
    if signed || operations::PATHS.contains(&path) || host::is_local(host) {
        return Ok(());
    }
    Err(Rejection::new(
        StatusCode::FORBIDDEN,
        "host_not_allowed",
        "in open mode this answers as localhost, or by its IP address: to have it answer under \
         this name, set ALLOWED_ORIGINS to the origins of the pages that may call, such as \
         https://chat.example.org",
    ))
}
