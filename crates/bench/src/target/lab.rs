//! [`Lab`]: with what, and how, this run measures.

use std::path::PathBuf;

use crate::load::crowd::Pace;

/// What every measurement shares.
#[derive(Clone, Debug)]
pub(crate) struct Lab {
    /// Where RealTalk's binaries are.
    pub(crate) bin_dir: PathBuf,
    pub(crate) nchan_workers: u32,
    pub(crate) pace: Pace,
}
