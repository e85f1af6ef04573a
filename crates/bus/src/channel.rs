//! [`Channel`]: where something is said.

/// The largest message: what is larger is not said, but read from the log.
pub const MAX_MESSAGE: usize = 1 << 20;

/// Where something is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Batches of the log.
    Log,
    /// Passing facts.
    Passing,
    /// Who is connected where.
    Presence,
}

impl Channel {
    pub(crate) const ALL: [Self; 3] = [Self::Log, Self::Passing, Self::Presence];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Passing => "passing",
            Self::Presence => "presence",
        }
    }
}
