//! The embedded database: a file that one process serves.
//!
//! One connection writes, others read beside it (WAL). A commit with `synchronous=FULL` is on the
//! disk when it returns; batches make that affordable.

mod convert;
mod file;
mod pools;
mod rewrite;
mod wal;

pub use file::{DatabaseFile, FileError};
pub(super) use pools::{let_go, open, probe};
pub(super) use wal::{LIMIT, cut_back};
