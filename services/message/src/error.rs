//! [`Error`]: everything that can go wrong behind a route, and the one place where it becomes an
//! HTTP answer.

use actix_web::http::StatusCode;
use http_kit::Rejection;

use crate::{post, store::StoreError};

/// Why the service could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The batch that the post was in failed; the writer has logged why.
    #[error("the post was not stored")]
    NotStored {
        /// Because there is no room left.
        disk_full: bool,
    },
    /// The writer has more to do than it can queue.
    #[error("too many posts are waiting")]
    Overloaded,
    /// The service is shutting down.
    #[error("the service is stopping")]
    Stopping,
    /// The key of a post was used before, for another one.
    #[error("the key was used for another post")]
    KeyReused,
    /// No such conversation, or not for the caller.
    #[error("no such conversation")]
    ConversationNotFound,
    /// No such message, or not for the caller.
    #[error("no such message")]
    MessageNotFound,
    /// The log does not reach back to the cursor.
    #[error("the cursor is too old")]
    CursorExpired,
    /// The log has not reached the cursor.
    #[error("the cursor is unknown")]
    CursorUnknown,
}

impl From<StoreError> for Rejection {
    fn from(error: StoreError) -> Self {
        Error::Store(error).into()
    }
}

impl From<Error> for Rejection {
    fn from(error: Error) -> Self {
        match error {
            Error::Store(cause) => {
                tracing::error!(%cause, "a read failed");
                Self::unavailable("storage_unavailable", "the data cannot be read now", 1)
            }
            Error::NotStored { disk_full: false } => Self::unavailable(
                "storage_unavailable",
                "the post was not stored: send it again with the same client_msg_id",
                1,
            ),
            Error::NotStored { disk_full: true } => Self::new(
                StatusCode::INSUFFICIENT_STORAGE,
                "storage_full",
                "the post was not stored: the server's disk is full",
            ),
            Error::Overloaded => {
                Self::unavailable("overloaded", "too many posts are waiting: try again", 1)
            }
            Error::Stopping => Self::unavailable("stopping", "the service is restarting", 2),
            Error::KeyReused => Self::field(
                "client_msg_id",
                "idempotency_key_reused",
                "this key belongs to another post of yours: choose a new one for new content",
            ),
            Error::ConversationNotFound => post::conversation_not_found(),
            Error::MessageNotFound => {
                Self::not_found("message_not_found", "there is no such message")
            }
            Error::CursorExpired => Self::new(
                StatusCode::GONE,
                "cursor_expired",
                "the log no longer reaches back to this cursor: load anew and go on from \
                 X-Event-Cursor",
            ),
            Error::CursorUnknown => Self::new(
                StatusCode::GONE,
                "cursor_unknown",
                "the log has not reached this cursor: load anew and go on from X-Event-Cursor",
            ),
        }
    }
}
