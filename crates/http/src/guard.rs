//! [`OriginPolicy::guard`]: under which names a service answers, where these decide which pages may
//! call.
//!
//! A page whose own name has come to point to this machine (DNS rebinding) is of the service's own
//! origin for a browser: it needs no permission and sends no `Origin`. What tells it from the pages
//! of this machine is `Host`, which it cannot choose.

use std::rc::Rc;

use actix_cors::CorsError;
use actix_web::{
    ResponseError,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method, StatusCode,
        header::{ACCESS_CONTROL_ALLOW_ORIGIN, COOKIE, HOST, HeaderValue, ORIGIN},
    },
    middleware::Next,
};
use common::signature;

use crate::{
    address::TrustedProxies,
    internal::InternalHop,
    nameless::{self, Nameless},
    operations,
    origin::OriginPolicy,
    rejection::Rejection,
};

/// What a service lets in besides what its origins say.
pub struct Door {
    /// Knows which page the other service has sent on.
    pub hop: InternalHop,
    /// Whose `X-Forwarded-Host` is believed.
    pub proxies: TrustedProxies,
    /// What pages without an origin may ask for.
    pub nameless: &'static [Nameless],
    /// Where the other service sends pages on to.
    pub sent_on_to: &'static [&'static str],
}

impl OriginPolicy {
    /// Middleware: where whoever reaches the service may read everything, refuses requests under
    /// names that others may have given it, and those of pages without an origin but the nameless.
    /// Operations stay open, and signed calls show by themselves who makes them: the services call
    /// each other by the names of their containers. Also says in the common form why a page may not
    /// do what it asks before it does it.
    ///
    /// A page that the other service has sent on is one without an origin for its browser; the other
    /// service vouches for the origin, and for nothing else: the cookie that comes with it is not
    /// looked at, since any other page can have its browser send both.
    pub async fn guard(
        self,
        door: Rc<Door>,
        mut request: ServiceRequest,
        next: Next<impl MessageBody + 'static>,
    ) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
        if let Err(rejection) = self.check_host(&request, &door.proxies) {
            return Ok(request.into_response(rejection.error_response()).map_into_right_body());
        }
        let sent_on = door.vouched_origin(&request);
        if let Some(origin) = &sent_on {
            request.headers_mut().insert(ORIGIN, origin.clone());
            request.headers_mut().remove(COOKIE);
        } else if self.is_nameless(request.request())
            && let Err(rejection) = nameless::check(
                door.nameless,
                request.method(),
                request.path(),
                request.query_string(),
            )
        {
            return Ok(request.into_response(rejection.error_response()).map_into_right_body());
        }
        let mut response = next.call(request).await?;
        if let Some(allowed) = response.headers_mut().get_mut(ACCESS_CONTROL_ALLOW_ORIGIN)
            && sent_on.is_some_and(|origin| *allowed == origin)
        {
            // The browser looks for what it has sent itself.
            *allowed = HeaderValue::from_static(nameless::ORIGIN);
        }
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

    fn check_host(
        &self,
        request: &ServiceRequest,
        proxies: &TrustedProxies,
    ) -> Result<(), Rejection> {
        // Every browser sends one.
        let Some(host) = request.headers().get(HOST) else {
            return Ok(());
        };
        let path = request.path();
        let signed = (path == "/notify" || path.starts_with("/internal/"))
            && request.headers().contains_key(signature::HEADER);
        if signed
            || operations::PATHS.contains(&path)
            || self.answers_as(host.to_str().unwrap_or_default())
            || self.answers_as(proxies.host(request.request()))
        {
            return Ok(());
        }
        Err(Rejection::new(
            StatusCode::FORBIDDEN,
            "host_not_allowed",
            "in open mode this answers as localhost, by its IP address, and under the names in \
             ALLOWED_ORIGINS: list the origins of the pages that may call, such as \
             https://chat.example.org, and have a proxy pass Host on",
        ))
    }
}

impl Door {
    /// The origin that the other service vouches for, of a page whose browser says that it has none.
    fn vouched_origin(&self, request: &ServiceRequest) -> Option<HeaderValue> {
        let origin = request.headers().get(ORIGIN)?;
        let is_sent_on = origin == nameless::ORIGIN
            && matches!(*request.method(), Method::GET | Method::HEAD)
            && self.sent_on_to.contains(&request.path());
        if !is_sent_on {
            return None;
        }
        self.hop.vouched_origin(request.query_string())?.parse().ok()
    }
}
