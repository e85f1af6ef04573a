//! [`Error`]: everything that can go wrong behind a route, and the one place where it becomes an
//! HTTP answer.

use actix_web::http::StatusCode;
use http_kit::Rejection;

use crate::{
    chat::change::Refusal,
    log::write_error::WriteError,
    store::{NoCursor, StoreError},
};

/// Why the service could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The writer did not do it.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The log cannot be continued from the cursor.
    #[error(transparent)]
    Cursor(#[from] NoCursor),
}

impl Error {
    /// As an answer that says who may do this, if the caller may not.
    pub fn because(self, who_may: &'static str) -> Rejection {
        match self {
            Self::Write(WriteError::Refused(Refusal::Forbidden)) => forbidden(who_may),
            other => other.into(),
        }
    }
}

/// 403: seen, but not for the caller to do.
pub fn forbidden(who_may: &'static str) -> Rejection {
    Rejection::new(StatusCode::FORBIDDEN, "forbidden", who_may)
}

impl From<StoreError> for Rejection {
    fn from(error: StoreError) -> Self {
        Error::Store(error).into()
    }
}

impl From<WriteError> for Rejection {
    fn from(error: WriteError) -> Self {
        Error::Write(error).into()
    }
}

impl From<Error> for Rejection {
    fn from(error: Error) -> Self {
        match error {
            Error::Store(cause) => {
                tracing::error!(%cause, "a read failed");
                Self::unavailable("storage_unavailable", "the data cannot be read now", 1)
            }
            Error::Write(WriteError::NotStored { disk_full: false }) => Self::unavailable(
                "storage_unavailable",
                "it is not certain that this was stored: send it again, a post with the same \
                 client_msg_id, under which it is stored once",
                1,
            ),
            Error::Write(WriteError::NotStored { disk_full: true }) => Self::new(
                StatusCode::INSUFFICIENT_STORAGE,
                "storage_full",
                "nothing was stored: the server's disk is full",
            ),
            Error::Write(WriteError::NotWritable) => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "this could not be done, which is a fault of the service: see its log",
            ),
            Error::Write(WriteError::Overloaded) => {
                Self::unavailable("overloaded", "too many posts are waiting: try again", 1)
            }
            Error::Write(WriteError::Stopping) => {
                Self::unavailable("stopping", "the service is restarting", 2)
            }
            Error::Write(WriteError::Refused(refusal)) => refusal.into(),
            Error::Cursor(NoCursor::Expired) => Self::new(
                StatusCode::GONE,
                "cursor_expired",
                "the log no longer reaches back to this cursor: load anew and go on from \
                 X-Event-Cursor",
            ),
            Error::Cursor(NoCursor::Unknown) => Self::new(
                StatusCode::GONE,
                "cursor_unknown",
                "the log does not hold this cursor: load anew and go on from X-Event-Cursor",
            ),
        }
    }
}

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Self {
        let conflict = |code, detail| Self::new(StatusCode::CONFLICT, code, detail);
        match refusal {
            // The same for one that does not exist and for one that the caller may not see.
            Refusal::NoConversation => Self::not_found(
                "conversation_not_found",
                "there is no conversation with this id that you can see: /conversations lists those \
                 there are; for a private one name a recipient, or ask /conversations/resolve for \
                 its id",
            ),
            Refusal::NoMessage => Self::not_found("message_not_found", "there is no such message"),
            Refusal::NoUser => Self::not_found("user_not_found", "there is no such user"),
            Refusal::NoMember => Self::not_found("member_not_found", "there is no such member"),
            Refusal::Forbidden => forbidden("you may not do this here"),
            Refusal::KeyReused => Self::field(
                "client_msg_id",
                "idempotency_key_reused",
                "this key belongs to another post of yours: choose a new one for new content",
            ),
            Refusal::NoReply => Self::field(
                "reply_to",
                "reply_not_found",
                "there is no such message in this conversation",
            ),
            Refusal::NameProtected => Self::new(
                StatusCode::UNAUTHORIZED,
                "name_registered",
                "this name belongs to somebody: sign in, or choose another one",
            ),
            Refusal::NameTaken => conflict("name_taken", "this name is taken: choose another one"),
            Refusal::NameConfusable => conflict(
                "name_confusable",
                "this name is taken for that of somebody else: choose another one",
            ),
            Refusal::RoomTaken => conflict("room_taken", "there is a room with this id: join it"),
            Refusal::GroupFull => conflict("group_full", "a group has at most 1000 members"),
            Refusal::TooManyReactions => conflict(
                "too_many_reactions",
                "a message has at most 20 kinds of reactions: share one of them",
            ),
            Refusal::Deleted => conflict("message_deleted", "this message has been deleted"),
            Refusal::Oneself => {
                Self::field("recipient", "recipient_is_self", "you cannot write to yourself")
            }
        }
    }
}
