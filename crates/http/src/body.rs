//! [`JsonBody`]: a JSON body, read within a size and a deadline.

use std::{fmt::Display, future::Future, pin::Pin, rc::Rc, time::Duration};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    dev::Payload,
    error::PayloadError,
    http::{
        StatusCode,
        header::{ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, HeaderValue},
    },
    web::{self, Bytes},
};
use common::internal::MAX_BODY;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::{rejection::Rejection, shape};

/// What a request body may cost. Register with [`BodyLimits::configure`].
#[derive(Clone, Copy, Debug)]
pub struct BodyLimits {
    /// The largest body, in bytes; a larger one is 413.
    pub bytes: usize,
    /// How long a client may take to send it; then 408.
    pub timeout: Duration,
}

impl BodyLimits {
    /// The same deadline for what the services send each other, which may be larger.
    pub const fn between_services(self) -> Self {
        Self { bytes: MAX_BODY, ..self }
    }

    /// Registers the limits for the extractors of this crate.
    pub fn configure(self, config: &mut web::ServiceConfig) {
        config.app_data(self).app_data(web::PayloadConfig::new(self.bytes));
    }
}

/// Decides about a request before its body is read, so that whoever may not ask is not told what is
/// wrong with what they say. Register as data of the app.
#[derive(Clone)]
pub struct Gate(Rc<dyn Fn(HttpRequest) -> Decision>);

type Decision = Pin<Box<dyn Future<Output = Result<(), Rejection>>>>;

impl Gate {
    /// Asks this.
    pub fn new<F>(decide: impl Fn(HttpRequest) -> F + 'static) -> Self
    where
        F: Future<Output = Result<(), Rejection>> + 'static,
    {
        Self(Rc::new(move |request| Box::pin(decide(request))))
    }
}

async fn pass(request: &HttpRequest) -> Result<(), Rejection> {
    match request.app_data::<Gate>() {
        Some(Gate(decide)) => decide(request.clone()).await,
        None => Ok(()),
    }
}

/// The whole body of a request, read within its [`BodyLimits`].
pub async fn read(request: &HttpRequest, payload: &mut Payload) -> Result<Bytes, Rejection> {
    require_plain(request)?;
    let limits = *request.app_data::<BodyLimits>().ok_or_else(missing_limits)?;
    tokio::time::timeout(limits.timeout, Bytes::from_request(request, payload))
        .await
        .map_err(|_| too_slow(limits.timeout))?
        .map_err(|error| match error.as_error::<PayloadError>() {
            Some(PayloadError::Overflow) => too_large(limits.bytes),
            // actix says "payload too large" in its own type when Content-Length tells at once.
            _ if error.as_response_error().status_code() == StatusCode::PAYLOAD_TOO_LARGE => {
                too_large(limits.bytes)
            }
            _ => closing(Rejection::bad_request("incomplete_body", "the body ended early")),
        })
}

/// Parses a JSON object, with an error that tells broken JSON (400) from JSON of the wrong shape
/// (422), and which field it is.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Rejection> {
    // Derived structs can be read from an array of their fields too, which nobody means to send.
    if body.trim_ascii_start().starts_with(b"[") {
        return Err(misshapen("it has to be an object"));
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = shape::read(&mut json).map_err(|(error, misfit)| match error.classify() {
        Category::Data => {
            let rejection = misshapen(&misfit);
            match misfit.field {
                Some(field) => rejection.at(field),
                None => rejection,
            }
        }
        Category::Syntax | Category::Eof | Category::Io => malformed(&error),
    })?;
    json.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

fn malformed(error: &serde_json::Error) -> Rejection {
    Rejection::bad_request("malformed_json", format!("the body is not JSON: {error}"))
}

fn misshapen(reason: impl Display) -> Rejection {
    Rejection::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "invalid_body",
        format!("the body has the wrong shape: {reason}"),
    )
}

/// Refuses anything but JSON. A web page of another origin can send plain text or a form without
/// asking first; JSON makes its browser ask.
pub fn require_json(request: &HttpRequest) -> Result<(), Rejection> {
    let mime = request.mime_type().ok().flatten();
    let json = mime.is_some_and(|mime| {
        mime.subtype() == "json" || mime.suffix().is_some_and(|suffix| suffix == "json")
    });
    if json {
        return Ok(());
    }
    Err(Rejection::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
        "send JSON with the header Content-Type: application/json",
    ))
}

/// Refuses a body that is compressed: how much there is of it would show too late.
fn require_plain(request: &HttpRequest) -> Result<(), Rejection> {
    let encoding = request.headers().get(CONTENT_ENCODING);
    if encoding.is_none_or(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Ok(());
    }
    let rejection = Rejection::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_content_encoding",
        "send the body as it is, without Content-Encoding",
    );
    Err(closing(rejection.with_header(ACCEPT_ENCODING, HeaderValue::from_static("identity"))))
}

/// Extracts a JSON body.
#[derive(Debug)]
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned> FromRequest for JsonBody<T> {
    type Error = Rejection;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Rejection>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            pass(&request).await?;
            require_json(&request)?;
            parse(&read(&request, &mut payload).await?).map(Self)
        })
    }
}

/// Extracts a JSON body that can be left out.
#[derive(Debug)]
pub struct OptionalJsonBody<T>(pub T);

impl<T: DeserializeOwned + Default> FromRequest for OptionalJsonBody<T> {
    type Error = Rejection;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Rejection>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            pass(&request).await?;
            let body = read(&request, &mut payload).await?;
            if body.is_empty() {
                return Ok(Self(T::default()));
            }
            require_json(&request)?;
            parse(&body).map(Self)
        })
    }
}

fn too_large(limit: usize) -> Rejection {
    closing(Rejection::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body_too_large",
        format!("the body may have at most {limit} bytes"),
    ))
}

fn too_slow(limit: Duration) -> Rejection {
    closing(Rejection::new(
        StatusCode::REQUEST_TIMEOUT,
        "body_timeout",
        format!("the body did not arrive within {} s", limit.as_secs_f32()),
    ))
}

/// What is left of the body is not worth reading: ends the connection with the answer.
fn closing(rejection: Rejection) -> Rejection {
    rejection.with_header(CONNECTION, HeaderValue::from_static("close"))
}

fn missing_limits() -> Rejection {
    Rejection::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "no body limits are set")
}
