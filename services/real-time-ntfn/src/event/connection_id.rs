//! [`ConnectionId`]: which connection, among all that this process will ever have.

use std::{
    fmt,
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// A connection. Never given twice, unlike a place in a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(u64);

static NEXT: AtomicU64 = AtomicU64::new(1);

/// Tells the connections of this process from those of others and of earlier ones.
static PROCESS: LazyLock<String> = LazyLock::new(|| format!("{:016x}", rand::random::<u64>()));

impl ConnectionId {
    /// A new one.
    pub fn next() -> Self {
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// The connection that an event names as its origin, if it is one of this process.
    pub fn of_origin(origin: &str) -> Option<Self> {
        let (process, number) = origin.split_once('-')?;
        (process == PROCESS.as_str()).then(|| number.parse().ok().map(Self)).flatten()
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", *PROCESS, self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_found_again_by_its_name_in_this_process_only() {
        let (one, other) = (ConnectionId::next(), ConnectionId::next());
        assert_ne!(one, other);
        assert_eq!(ConnectionId::of_origin(&one.to_string()), Some(one));
        for foreign in ["", "1", "0000000000000000-1", "x-y-z"] {
            assert_eq!(ConnectionId::of_origin(foreign), None, "{foreign}");
        }
    }
}
