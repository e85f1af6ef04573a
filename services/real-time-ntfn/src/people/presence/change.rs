//! [`Change`]: somebody has come or gone.

/// A user has come or gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) key: String,
    pub(super) name: String,
    pub(super) online: bool,
}
