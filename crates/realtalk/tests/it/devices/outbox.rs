//! [`Outbox`]: what a device sends over its WebSocket, until it is acknowledged.

use std::{collections::VecDeque, time::Duration};

use serde_json::{Value, json};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use crate::line::End;

/// An answer that takes longer than this is lost with its connection.
const ANSWER: Duration = Duration::from_secs(8);
const AGAIN: Duration = Duration::from_millis(50);

/// Messages on their way, the oldest first. One is sent when the one before it is acknowledged, so
/// that their order is kept whatever happens.
pub(super) struct Outbox {
    incoming: mpsc::UnboundedReceiver<Value>,
    waiting: VecDeque<Value>,
    /// When the first was sent, or may be sent again.
    under_way: Option<Instant>,
    not_before: Instant,
}

impl Outbox {
    pub(super) fn new(incoming: mpsc::UnboundedReceiver<Value>) -> Self {
        Self { incoming, waiting: VecDeque::new(), under_way: None, not_before: Instant::now() }
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len() + self.incoming.len()
    }

    /// The connection is new: nothing is under way.
    pub(super) fn repeat(&mut self) {
        self.under_way = None;
    }

    /// Waits for the next frame to send. When an answer is overdue the connection is no good.
    pub(super) async fn next(&mut self) -> Result<Value, End> {
        if self.waiting.is_empty() {
            match self.incoming.recv().await {
                Some(frame) => self.waiting.push_back(frame),
                None => std::future::pending().await,
            }
        }
        if let Some(sent) = self.under_way {
            sleep_until(sent + ANSWER).await;
            return Err(End::Broken);
        }
        sleep_until(self.not_before).await;
        // What is not a message is not answered.
        if let Some(frame) = self.waiting.pop_front_if(|it| it.get("client_msg_id").is_none()) {
            return Ok(frame);
        }
        self.under_way = Some(Instant::now());
        Ok(self.waiting[0].clone())
    }

    /// A message has arrived; returns it unless that was known.
    pub(super) fn acknowledge(&mut self, ack: &Value) -> Option<Value> {
        let first = self.waiting.front()?;
        if first["client_msg_id"] != ack["client_msg_id"] {
            return None;
        }
        self.under_way = None;
        self.waiting.pop_front()
    }

    /// A message has not arrived, and is sent again, unless it never can.
    pub(super) fn refuse(&mut self, error: &Value) {
        let code = error["code"].as_str().unwrap_or_default();
        if matches!(code, "conversation_not_found" | "forbidden") {
            self.waiting.pop_front();
        } else {
            let status = error["status"].as_u64();
            assert!(status.is_none_or(|status| status >= 500), "{error}");
        }
        self.under_way = None;
        self.not_before = Instant::now() + AGAIN;
    }
}

/// A message for a device's outbox.
pub(crate) fn frame(conversation_id: &str, content: &str, key: &str) -> Value {
    json!({
        "type": "message", "conversation_id": conversation_id, "content": content,
        "client_msg_id": key,
    })
}
