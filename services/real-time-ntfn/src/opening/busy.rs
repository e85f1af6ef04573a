//! [`Busy`]: why a stream is refused for now.

use actix_web::http::StatusCode;
use http_kit::Rejection;

use super::resume::NotNow;

/// Why a stream is refused for now.
#[derive(Clone, Copy)]
pub(crate) enum Busy {
    Full,
    Address,
    User,
    Draining,
    Starting,
    Upstream,
    Crowded,
}

impl Busy {
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Address => "address",
            Self::User => "user",
            Self::Draining => "draining",
            Self::Starting => "starting",
            Self::Upstream => "upstream",
            Self::Crowded => "crowded",
        }
    }

    pub(crate) const fn detail(self) -> &'static str {
        match self {
            Self::Full => "there are as many streams as this server can hold",
            Self::Address => "too many streams come from your address",
            Self::User => "you have too many streams: end one of them",
            Self::Draining => "this server is restarting",
            Self::Starting => "this server is starting",
            Self::Upstream => "the message service does not answer",
            Self::Crowded => "too many come at this moment",
        }
    }

    /// Whether it is for the client to do something about it, or to come later.
    pub(crate) const fn is_of_client(self) -> bool {
        matches!(self, Self::Address | Self::User | Self::Crowded)
    }

    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::Address | Self::User => StatusCode::TOO_MANY_REQUESTS,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// For a request that is no stream.
impl From<NotNow> for Rejection {
    fn from(not_now: NotNow) -> Self {
        let busy = Busy::from(not_now);
        Self::unavailable(busy.reason(), busy.detail(), 2)
    }
}

impl From<NotNow> for Busy {
    fn from(not_now: NotNow) -> Self {
        match not_now {
            NotNow::Starting => Self::Starting,
            NotNow::Upstream => Self::Upstream,
            NotNow::Crowded => Self::Crowded,
        }
    }
}
