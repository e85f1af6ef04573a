//! [`Rejection`]: an error on its way to becoming a problem response.

use std::{borrow::Cow, fmt};

use actix_web::{
    HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{CONNECTION, HeaderName, HeaderValue},
    },
};
use common::problem::{CONTENT_TYPE, FieldError, Problem};
use utoipa::ToSchema;

use crate::request_id;

/// Why a request is refused: becomes `application/problem+json` when a handler returns it.
#[derive(Debug, Clone)]
pub struct Rejection {
    status: StatusCode,
    code: Cow<'static, str>,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Rejection {
    /// A refusal with a status, a stable code for programs and, for people, what to change.
    pub fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            code: code.into(),
            detail: detail.into(),
            errors: Vec::new(),
            headers: Vec::new(),
        }
    }

    /// 400: the request cannot be understood.
    pub fn bad_request(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 404.
    pub fn not_found(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, detail)
    }

    /// 422: understood, but one field is not acceptable.
    pub fn field(
        field: &'static str,
        code: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail).at(field)
    }

    /// The same, of one field: for those who show errors beside the fields that they are about.
    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.errors.push(FieldError {
            field: field.into(),
            code: self.code.clone().into_owned(),
            detail: self.detail.clone().into_owned(),
        });
        self
    }

    /// 503: try again in `seconds`.
    pub fn unavailable(
        code: &'static str,
        detail: impl Into<Cow<'static, str>>,
        seconds: u32,
    ) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail)
            .with_header(actix_web::http::header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// Adds a header to the answer.
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The status of the answer.
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The stable code of the answer.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The body of the answer.
    pub fn problem(&self) -> Problem {
        Problem {
            kind: "about:blank".to_owned(),
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            code: self.code.clone().into_owned(),
            detail: self.detail.clone().into_owned(),
            request_id: request_id::current(),
            errors: self.errors.clone(),
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}

impl ResponseError for Rejection {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        for (name, value) in &self.headers {
            if name == CONNECTION {
                // actix ignores the header that says so.
                response.force_close();
            }
            response.append_header((name.clone(), value.clone()));
        }
        response.content_type(CONTENT_TYPE).json(self.problem())
    }
}

/// The body of an error answer (RFC 9457), for the API descriptions.
#[derive(ToSchema)]
#[schema(as = Problem)]
#[expect(dead_code, reason = "describes common::Problem, which knows no web crates")]
pub struct ProblemBody {
    /// `about:blank`.
    r#type: String,
    /// The status in words.
    title: String,
    /// The HTTP status.
    status: u16,
    /// Stable, for programs.
    code: String,
    /// What to change.
    detail: String,
    /// The id under which the request stands in the log.
    request_id: Option<String>,
    /// The fields that are wrong.
    errors: Option<Vec<FieldErrorBody>>,
}

/// A field that is wrong.
#[derive(ToSchema)]
#[schema(as = FieldError)]
#[expect(dead_code, reason = "describes common::problem::FieldError")]
pub struct FieldErrorBody {
    /// Its name.
    field: String,
    /// Stable, for programs.
    code: String,
    /// What to change.
    detail: String,
}
