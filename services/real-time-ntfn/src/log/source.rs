//! [`Source`]: how what is committed comes here.

use std::time::Duration;

/// How what is committed comes here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// By requests of the message services.
    Requests,
    /// Over Redis.
    Bus,
    /// Over Redis, which is away: nothing comes.
    LostBus,
}

impl Source {
    /// After this long without a push the feed pulls, in case pushes do not get through. A message service
    /// announces the newest id as often as this, at least twice.
    pub(super) const fn silence(self) -> Duration {
        match self {
            Self::Requests => Duration::from_secs(10),
            Self::Bus => Duration::from_millis(2_500),
            Self::LostBus => Duration::from_millis(500),
        }
    }
}
