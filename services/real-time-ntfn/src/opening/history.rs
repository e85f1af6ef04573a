//! [`History`]: the last messages of the public room, read once for all who come meanwhile.

use std::{
    future::ready,
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use common::{Batch, event::PUBLIC_ROOM};
use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};

use crate::log::upstream::Upstream;

/// How many messages are read, which is what a client gets that does not say how many it wants.
pub(super) const MOST: u32 = 50;

/// Reads the last messages of the public room.
pub(super) struct History {
    upstream: Upstream,
    /// The reading that was begun last, or waits for the one before to end.
    last: Mutex<Reading>,
}

/// A reading that several wait for.
#[derive(Clone)]
struct Reading {
    has_begun: Arc<AtomicBool>,
    result: Shared<BoxFuture<'static, Option<Arc<Batch>>>>,
}

impl History {
    pub(super) fn new(upstream: Upstream) -> Self {
        let has_begun = Arc::new(AtomicBool::new(true));
        let result = ready(None).boxed().shared();
        Self { upstream, last: Mutex::new(Reading { has_begun, result }) }
    }

    /// The last [`MOST`] messages, as they are at some moment after this was called; nothing if the
    /// message service does not answer.
    pub(super) async fn read(&self) -> Option<Arc<Batch>> {
        let result = {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            // One under way may have been read before the client came.
            if last.has_begun.load(Ordering::Acquire) {
                *last = self.after(last.result.clone());
            }
            last.result.clone()
        };
        result.await
    }

    /// A reading that begins when another one is over.
    fn after(&self, before: Shared<BoxFuture<'static, Option<Arc<Batch>>>>) -> Reading {
        let (upstream, has_begun) = (self.upstream.clone(), Arc::new(AtomicBool::new(false)));
        let begun = has_begun.clone();
        let read = async move {
            before.await;
            begun.store(true, Ordering::Release);
            let opening = upstream.opening(None, [PUBLIC_ROOM].into_iter(), MOST);
            // One that panics must not do so for all that come after it.
            match AssertUnwindSafe(opening).catch_unwind().await {
                Ok(Ok(batch)) => Some(Arc::new(batch)),
                Ok(Err(error)) => {
                    tracing::debug!(%error, "what has been said cannot be read now");
                    None
                }
                Err(_) => {
                    tracing::error!("what has been said could not be read: a panic");
                    None
                }
            }
        };
        Reading { has_begun, result: read.boxed().shared() }
    }
}
