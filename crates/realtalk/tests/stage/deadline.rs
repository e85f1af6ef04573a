//! Waiting for something to become true, but not for ever.

use std::time::Duration;

use tokio::time::{Instant, sleep};

const PAUSE: Duration = Duration::from_millis(10);

/// The time by which something must have become true.
pub(crate) struct Deadline {
    what: String,
    limit: Duration,
    end: Instant,
}

impl Deadline {
    pub(crate) fn new(what: &str, limit: Duration) -> Self {
        Self { what: what.to_owned(), limit, end: Instant::now() + limit }
    }

    /// Waits a moment before the next look; fails the test when it is too late for one.
    pub(crate) async fn pause(&self) {
        let Self { what, limit, end } = self;
        assert!(Instant::now() < *end, "waited {limit:?} in vain until {what}");
        sleep(PAUSE).await;
    }
}

/// Asks again and again until there is an answer; fails the test after `limit`.
pub(crate) async fn until<T>(
    what: &str,
    limit: Duration,
    mut probe: impl AsyncFnMut() -> Option<T>,
) -> T {
    let deadline = Deadline::new(what, limit);
    loop {
        if let Some(answer) = probe().await {
            return answer;
        }
        deadline.pause().await;
    }
}
