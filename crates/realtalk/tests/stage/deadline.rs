//! Waiting for something to become true, but not for ever.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// More than anything takes on a slow machine that has other things to do: what takes longer hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

const PAUSE: Duration = Duration::from_millis(10);

/// The time by which something must have become true.
pub(crate) struct Deadline {
    what: String,
    end: Instant,
}

impl Deadline {
    pub(crate) fn new(what: &str) -> Self {
        Self { what: what.to_owned(), end: Instant::now() + PATIENCE }
    }

    /// Waits a moment before the next look; fails the test when it is too late for one.
    pub(crate) async fn pause(&self) {
        let Self { what, end } = self;
        assert!(Instant::now() < *end, "waited {PATIENCE:?} in vain until {what}");
        sleep(PAUSE).await;
    }
}

/// Asks again and again until there is an answer; fails the test when there is none.
pub(crate) async fn until<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Deadline::new(what);
    loop {
        if let Some(answer) = probe().await {
            return answer;
        }
        deadline.pause().await;
    }
}
