//! How long tests wait for what happens by itself.

use std::time::{Duration, Instant};

/// More than anything takes on a slow machine that has other things to do: what takes longer hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Waits for what happens by itself after a while.
pub(crate) async fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "it does not come to that");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
