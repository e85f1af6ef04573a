//! [`Kind`]: which of the servers.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Which server.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Both services of RealTalk.
    Realtalk,
    /// nginx with the nchan module.
    Nchan,
    /// One write(2) per event and client, and nothing else.
    Bare,
    /// Centrifugo, for what opening costs.
    Centrifugo,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Realtalk, Self::Nchan, Self::Bare, Self::Centrifugo];

    /// Those that send what is posted to them to server-sent events without a credential.
    pub(crate) const BROADCASTERS: [Self; 3] = [Self::Realtalk, Self::Nchan, Self::Bare];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Realtalk => "realtalk",
            Self::Nchan => "nchan",
            Self::Bare => "bare",
            Self::Centrifugo => "centrifugo",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
