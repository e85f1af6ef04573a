//! [`Problem`]: the body of every error answer, as `application/problem+json` (RFC 9457).

use serde::{Deserialize, Serialize};

/// Content type of a [`Problem`].
pub const CONTENT_TYPE: &str = "application/problem+json";

/// What went wrong and what the caller can change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Names the kind of problem; `about:blank` says that `code` tells all there is.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// Stable, for programs: `content_too_long`.
    pub code: String,
    /// For people: what to change.
    pub detail: String,
    /// The id under which the request stands in the log.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request_id: Option<String>,
    /// One entry for each field that is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub errors: Vec<FieldError>,
}

/// A field that is wrong, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// Its name in the request.
    pub field: String,
    /// Stable, for programs.
    pub code: String,
    /// For people: what to change.
    pub detail: String,
}
