//! [`StreamEngine`]: where streams are run.

use serde::Deserialize;

/// Where streams are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StreamEngine {
    /// In shards, to which their sockets are handed over.
    Handover,
    /// As bodies of actix responses.
    Portable,
}

impl Default for StreamEngine {
    /// Sockets can be handed over where they are descriptors.
    fn default() -> Self {
        if cfg!(unix) { Self::Handover } else { Self::Portable }
    }
}
