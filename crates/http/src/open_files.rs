//! [`OpenFiles`]: how many descriptors the process may have, and what they are for.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Descriptors kept free for what is no connection of a client: the database, logs, questions to the
/// other service. Each core has threads of both services, which poll.
const RESERVE: usize = 64;
const RESERVE_OF_A_CORE: usize = 16;

/// With fewer than this besides nobody could be served.
const LEAST: usize = 160;

/// Connections of clients in this process, which may run both services.
static CONNECTIONS: AtomicUsize = AtomicUsize::new(0);

/// The limit on open files, as far as it is for clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenFiles {
    usable: usize,
}

/// The limit on open files is too low.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a process may open {limit} files here, and needs {least} at least: `ulimit -n 1024` before the \
     start, or LimitNOFILE= of the unit, raises that"
)]
pub struct TooFew {
    limit: usize,
    least: usize,
}

/// A connection; counted until it is dropped.
#[derive(Debug)]
pub(crate) struct Counted(());

impl OpenFiles {
    /// Raises the limit as far as the system lets it, and sees to it that it is enough.
    pub fn raise() -> Result<Self, TooFew> {
        Self::of(usize::try_from(raise()).unwrap_or(usize::MAX))
    }

    /// As many as this.
    pub fn of(limit: usize) -> Result<Self, TooFew> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let reserve = RESERVE + cores * RESERVE_OF_A_CORE;
        let least = reserve + LEAST;
        if limit < least {
            Err(TooFew { limit, least })
        } else {
            Ok(Self { usable: limit - reserve })
        }
    }

    /// How many streams there may be: four of five. Who posts needs a connection for a moment only, and
    /// when these run short nobody keeps one.
    pub fn streams(self) -> usize {
        self.usable / 5 * 4
    }

    /// Counts one connection more, if there is room for it. The other service, and proxies, go first:
    /// some of what is kept free is for them.
    pub(crate) fn take(self, goes_first: bool) -> Option<Counted> {
        let most = self.usable + if goes_first { RESERVE / 2 } else { 0 };
        if CONNECTIONS.fetch_add(1, Ordering::Relaxed) < most {
            return Some(Counted(()));
        }
        CONNECTIONS.fetch_sub(1, Ordering::Relaxed);
        None
    }

    /// Whether there is room for few more: from then on nobody keeps a connection that they do not
    /// use.
    pub(crate) fn is_short(self) -> bool {
        CONNECTIONS.load(Ordering::Relaxed) > self.usable / 8 * 7
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        CONNECTIONS.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(unix)]
fn raise() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Refused only above the hard limit, and then the old limit stays.
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::debug!(%error, "the limit on open files stays as it is");
    }
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

#[cfg(not(unix))]
fn raise() -> u64 {
    u64::MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_are_refused_with_what_to_do() {
        let many = OpenFiles::of(100_000).unwrap().streams();
        assert!((75_000..80_000).contains(&many), "{many}");
        let line = OpenFiles::of(128).unwrap_err().to_string();
        assert!(line.contains("128") && line.contains("ulimit -n"), "{line}");
    }
}
