//! [`InternalHop`]: who may call the routes that the services use between themselves.

use std::{error::Error, iter, time::Duration};

use actix_web::{HttpRequest, http::StatusCode};
use common::{Secret, signature};

use crate::rejection::Rejection;

/// The parameter that says which page is sent on.
const PAGE: &str = "page";

/// What is signed for it instead of a method: no request has this one.
const VOUCHING: &str = "VOUCH";

/// Checks requests on the internal hop, and signs those that leave.
#[derive(Clone, Debug)]
pub struct InternalHop {
    secret: Secret,
    accepts_unsigned: bool,
}

impl InternalHop {
    /// Trusts whoever knows the secret.
    pub const fn new(secret: Secret) -> Self {
        Self { secret, accepts_unsigned: false }
    }

    /// Also trusts requests without a signature, where the network is trusted: in open mode on
    /// loopback. A signature that is present must still be right.
    pub const fn accepting_unsigned(mut self, accepts: bool) -> Self {
        self.accepts_unsigned = accepts;
        self
    }

    /// Refuses the request unless it is signed, with `body` as its body, or comes from where that
    /// is not asked.
    pub fn check(&self, request: &HttpRequest, body: &[u8]) -> Result<(), Rejection> {
        if self.accepts_unsigned && !is_signed(request) {
            return Ok(());
        }
        self.check_signed(request, body)
    }

    /// Refuses the request unless it is signed, with `body` as its body.
    pub fn check_signed(&self, request: &HttpRequest, body: &[u8]) -> Result<(), Rejection> {
        let Some(header) = request.headers().get(signature::HEADER) else {
            return Err(unauthorized("signature_missing", "this needs a signature"));
        };
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        let header = header.to_str().unwrap_or_default();
        signature::verify(&self.secret, header, request.method().as_str(), target, body)
            .map_err(|error| unauthorized("signature_invalid", error.to_string()))
    }

    /// A parameter for an address of the other service, to which a page of this origin is sent on:
    /// its browser then says that it has none. Good for some minutes.
    pub fn vouch(&self, origin: &str) -> String {
        let signature = signature::sign(&self.secret, VOUCHING, PAGE, origin.as_bytes());
        form_urlencoded::Serializer::new(String::new())
            .append_pair(PAGE, &format!("{origin} {signature}"))
            .finish()
    }

    /// The origin that the other service vouches for in a query.
    pub fn vouched_origin(&self, query: &str) -> Option<String> {
        let values = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == PAGE);
        values.into_iter().find_map(|(_, value)| {
            let (origin, signature) = value.rsplit_once(' ')?;
            signature::verify(&self.secret, signature, VOUCHING, PAGE, origin.as_bytes()).ok()?;
            Some(origin.to_owned())
        })
    }

    /// The signature header for a request to the other service.
    pub fn sign(&self, method: &str, target: &str, body: &[u8]) -> (&'static str, String) {
        (signature::HEADER, signature::sign(&self.secret, method, target, body))
    }
}

/// Whether a request has a signature, right or wrong.
pub fn is_signed(request: &HttpRequest) -> bool {
    request.headers().contains_key(signature::HEADER)
}

fn unauthorized(code: &'static str, detail: impl Into<String>) -> Rejection {
    Rejection::new(StatusCode::UNAUTHORIZED, code, detail.into())
}

/// How long the other service may take to answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How long it may take to connect: who cannot be reached was not asked, and another one can be, in time.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long an idle connection is kept: shorter than the other side does, so that no request is
/// written to a connection that is being closed.
const IDLE: Duration = Duration::from_secs(30);

/// The same where answers may be long: a connection keeps a buffer as large as what it has read, up to
/// 400 KiB.
const IDLE_WITH_BUFFER: Duration = Duration::from_secs(2);

/// A client for requests to the other service.
pub fn client() -> reqwest::Result<reqwest::Client> {
    client_idle_for(IDLE)
}

/// A client for requests whose answers may be long: its connections go soon after the last.
pub fn client_for_long_answers() -> reqwest::Result<reqwest::Client> {
    client_idle_for(IDLE_WITH_BUFFER)
}

fn client_idle_for(idle: Duration) -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .no_proxy()
        .tcp_nodelay(true)
        .pool_idle_timeout(idle)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TIMEOUT)
        .build()
}

/// The innermost reason of an error: `connection refused` says more than `error sending request`.
pub fn cause(error: &(dyn Error + 'static)) -> String {
    iter::successors(Some(error), |error| (*error).source())
        .last()
        .map_or_else(String::new, ToString::to_string)
}
