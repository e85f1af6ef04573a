//! [`WriteError`]: why the writer did not do what it was asked.

use crate::chat::change::Refusal;

/// Why the writer did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The batch that it was in failed; the writer has logged why.
    #[error("nothing was stored")]
    NotStored {
        /// Because there is no room left.
        disk_full: bool,
    },
    /// It could not be written, and will not be the next time; the writer has logged why.
    #[error("it could not be written")]
    NotWritable,
    /// The writer has more to do than it can queue.
    #[error("too many posts are waiting")]
    Overloaded,
    /// The service is shutting down.
    #[error("the service is stopping")]
    Stopping,
    /// The rules or the data do not allow it.
    #[error("refused: {0:?}")]
    Refused(Refusal),
}
