//! [`UpstreamError`]: why the message service did not give what was asked for.

use std::error::Error;

use common::Problem;
use http_kit::internal;

/// Why the message service did not give what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// The log no longer reaches back to the cursor.
    #[error("the cursor is older than the log")]
    Expired,
    /// The log has not reached the cursor.
    #[error("the log does not know the cursor")]
    Unknown,
    /// There is more than it gives at once.
    #[error("there is too much to begin with")]
    TooFar,
    /// The body of the request is larger than it, or a proxy in between, takes.
    #[error("the request is too large")]
    TooLarge,
    /// The client is to be told no.
    #[error("refused: {} {}", .0.status, .0.code)]
    Refused(Box<Problem>),
    /// It cannot be reached, and was not asked.
    #[error("message service: {0}")]
    Unreachable(String),
    /// It does not answer as it should.
    #[error("message service: {0}")]
    Unavailable(String),
    /// It was asked, and its answer did not arrive, or not whole.
    #[error("message service: {0}")]
    CutOff(String),
}

impl UpstreamError {
    /// Whether it is to do with the message service, or the way to it, and not with what was asked.
    pub const fn is_outage(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Unavailable(_) | Self::CutOff(_))
    }

    /// Whether nothing can have come of the question.
    pub const fn is_unasked(&self) -> bool {
        matches!(self, Self::Unreachable(_))
    }

    /// What a problem means that the message service has.
    pub fn of(problem: Problem) -> Self {
        match (problem.status, problem.code.as_str()) {
            (410, "cursor_expired") => Self::Expired,
            (410, "too_far") => Self::TooFar,
            (410, _) => Self::Unknown,
            // These are about the two services, which do not fit together; no client can help that.
            (_, "signature_missing" | "signature_invalid" | "route_not_found") => {
                let Problem { status, code, detail, .. } = problem;
                Self::Unreachable(format!("{status} {code}: {detail}"))
            }
            (400 | 401 | 403 | 404 | 413 | 422, _) => Self::Refused(Box::new(problem)),
            _ => Self::Unavailable(format!("{} {}", problem.status, problem.code)),
        }
    }

    /// What it has answered cannot be read, or it cannot be asked like this.
    pub(super) fn unavailable(error: &(dyn Error + 'static)) -> Self {
        Self::Unavailable(internal::cause(error))
    }

    /// It had been asked.
    pub(super) fn cut_off(error: &(dyn Error + 'static)) -> Self {
        Self::CutOff(internal::cause(error))
    }
}
