//! The name under which a service is reached, as far as it decides which pages may call.
//!
//! A page whose own name has come to point to this machine (DNS rebinding) is of the service's own
//! origin for a browser: it needs no permission and sends no `Origin`. What tells it from the pages
//! of this machine is `Host`, which it cannot choose.

use std::net::IpAddr;

use actix_cors::CorsError;
use actix_web::{
    ResponseError,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{StatusCode, header::HOST},
    middleware::Next,
};
use common::signature;

use crate::{OriginPolicy, Rejection, operations};

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
    if signed || operations::PATHS.contains(&path) || is_local(host) {
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

/// Whether nobody else decides where this leads: an address, or a name that is always this machine
/// (RFC 6761, 6.3).
fn is_local(host: &str) -> bool {
    let name = name(host);
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost") || address(&name).is_some()
}

/// What `host` has in front of its port.
pub(crate) fn name(host: &str) -> &str {
    match host.rsplit_once(':') {
        // The colons of an IPv6 address are not that of a port.
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// The address that a host is, if it is no name.
pub(crate) fn address(name: &str) -> Option<IpAddr> {
    match name.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?.parse().ok().map(IpAddr::V6),
        None => name.parse().ok().map(IpAddr::V4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_and_localhost_are_nobody_elses_to_give() {
        for host in [
            "localhost",
            "LOCALHOST:8080",
            "localhost.:8080",
            "chat.localhost",
            "127.0.0.1",
            "192.168.1.5:8080",
            "[::1]:8080",
            "[2001:db8::1]",
        ] {
            assert!(is_local(host), "{host}");
        }
        for host in [
            "",
            ":8080",
            "evil.example:8080",
            "localhost.evil.example",
            "notlocalhost",
            "127.0.0.1.evil.example",
            "message:8080",
            "[::1].evil.example",
            "[evil]:1",
            "localhost:8080@evil.example",
        ] {
            assert!(!is_local(host), "{host}");
        }
    }
}
