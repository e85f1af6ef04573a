//! The receipts that somebody has missed who returns.

use std::time::Duration;

use common::EventId;
use serde_json::Value;
use tokio::time::timeout;

use super::{Resume, TURN, Visitor, answered::answered};
use crate::event::{frame::Frame, wire::Wire};

/// How long a client that returns waits for receipts, its turn included.
const RECEIPTS: Duration = Duration::from_secs(2);

/// Receipts that a client is sent when it returns. Who reads that many conversations loads them.
const MAX_RECEIPTS: usize = 5_000;

impl Resume {
    /// The receipts since a cursor. Without an answer the stream begins without them: a receipt
    /// only says how far somebody has read, the next one says it again, and no message must wait
    /// for that. Asked for when the stream has its place: what changes from then on it gets anyway,
    /// and it may well get something twice.
    pub(super) async fn receipts(
        &self,
        user: &str,
        after: EventId,
        visitor: &Visitor,
    ) -> Vec<Frame> {
        let Visitor { wire, asker, .. } = visitor;
        if *wire == Wire::Chat {
            // Its messages have a `status`; there are no receipts in it.
            return Vec::new();
        }
        let asked = async {
            let turn = self.turn(asker, TURN).await?;
            let (upstream, user) = (self.upstream.clone(), user.to_owned());
            answered(turn, async move { upstream.receipts(&user, after).await }).await
        };
        let missed = match timeout(RECEIPTS, asked).await {
            Ok(Ok(Ok(receipts))) => {
                let receipts = receipts.iter().take(MAX_RECEIPTS);
                let data =
                    receipts.filter_map(|data| serde_json::from_str::<Value>(data.get()).ok());
                return data.map(|data| wire.named(&data)).collect();
            }
            Ok(Ok(Err(error))) => error.to_string(),
            Ok(Err(_)) | Err(_) => "they took too long".to_owned(),
        };
        tracing::warn!(error = %missed, "a stream begins without its receipts");
        self.metrics.receipts_missed.inc();
        Vec::new()
    }
}
