//! How a stream begins: whether there is room for it, whose it is, and where in the log it goes on.

pub mod admission;
pub(crate) mod busy;
pub mod enquiries;
mod history;
pub mod identity;
pub mod resume;
mod unprotected;
