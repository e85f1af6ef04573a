//! Ephemera: passing facts on their way to the notification service: who is typing, how far
//! someone has read.
//!
//! They are not in the log. What cannot be told is forgotten: the next one says more, and a fresh
//! load says all.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use common::{
    Audience, Ephemeral,
    event::{EphemeralBatch, fitting},
    internal::{MAX_FACTS, UserRef},
};
use http_kit::Shutdown;
use serde_json::{json, value::to_raw_value};
use tokio::sync::mpsc;

use super::downstream::Downstream;
use crate::{chat::change::Receipt, metrics::Metrics};

/// Facts that may wait. When the queue is full, further ones are forgotten.
pub const QUEUE: usize = 4_096;

/// Markers of one user in one conversation are told once in this time, with their latest state.
const RECEIPT_EVERY: Duration = Duration::from_secs(1);

/// Markers that moved within this time before a stop or a crash may not have been told.
pub const UNTOLD_SECS: u32 = 5;

/// Keystrokes of one user in one conversation are told once in this time.
const TYPING_EVERY: Duration = Duration::from_secs(2);

/// How often it is looked whether something is due.
const TICK: Duration = Duration::from_millis(50);

/// A passing fact.
#[derive(Clone, Debug)]
pub enum Passing {
    /// Markers have moved.
    Receipt(Receipt),
    /// Someone is typing.
    Typing {
        /// Where.
        conversation_id: String,
        /// Who.
        user: UserRef,
        /// Who may know.
        audience: Audience,
    },
}

/// Where passing facts go in.
#[derive(Clone)]
pub struct Facts {
    /// One for each notification service.
    queues: Vec<mpsc::Sender<Passing>>,
    metrics: Metrics,
}

impl Facts {
    /// An end to put facts in, and the others, one for each notification service.
    pub fn new(services: usize, metrics: Metrics) -> (Self, Vec<mpsc::Receiver<Passing>>) {
        let (queues, facts) = (0..services).map(|_| mpsc::channel(QUEUE)).unzip();
        (Self { queues, metrics }, facts)
    }

    /// Tells a fact to those who may know it. Where there is no room, it counts as lost: the next
    /// one says more.
    pub fn tell(&self, fact: Passing) {
        for queue in &self.queues {
            if queue.try_send(fact.clone()).is_err() {
                self.metrics.ephemera_lost.inc();
            }
        }
    }
}

/// Whose markers, and where.
type Place = (String, String);

/// Pushes passing facts to one notification service, or to Redis for all of them.
pub struct Ephemera {
    downstream: Downstream,
    queue: mpsc::Receiver<Passing>,
    /// What is to be told, the latest of each.
    receipts: HashMap<Place, Receipt>,
    /// When markers were last told, and keystrokes.
    told: HashMap<Place, Instant>,
    typed: HashMap<Place, Instant>,
    due: Vec<Ephemeral>,
    metrics: Metrics,
}

impl Ephemera {
    /// Tells what comes through the queue.
    pub fn new(downstream: Downstream, queue: mpsc::Receiver<Passing>, metrics: Metrics) -> Self {
        Self {
            downstream,
            queue,
            receipts: HashMap::new(),
            told: HashMap::new(),
            typed: HashMap::new(),
            due: Vec::new(),
            metrics,
        }
    }

    /// Works until `shutdown` asks for an end, or nobody is left to say anything.
    pub async fn run(mut self, shutdown: Shutdown) {
        let mut facts = Vec::new();
        while !shutdown.is_given() {
            let idle = self.receipts.is_empty() && self.due.is_empty();
            if idle {
                tokio::select! {
                    taken = self.queue.recv_many(&mut facts, MAX_FACTS) => {
                        if taken == 0 {
                            return;
                        }
                    }
                    () = shutdown.given() => return,
                }
            } else {
                tokio::time::sleep(TICK).await;
                while let Ok(fact) = self.queue.try_recv() {
                    facts.push(fact);
                }
            }
            let now = Instant::now();
            for fact in facts.drain(..) {
                self.take(fact, now);
            }
            self.collect(now);
            tokio::select! {
                () = self.push() => {}
                () = shutdown.given() => return,
            }
        }
    }

    fn take(&mut self, fact: Passing, now: Instant) {
        match fact {
            Passing::Receipt(receipt) => {
                let place = (receipt.user.key.clone(), receipt.conversation_id.clone());
                self.receipts.insert(place, receipt);
            }
            Passing::Typing { conversation_id, user, audience } => {
                let place = (user.key, conversation_id);
                if is_early(&self.typed, &place, now, TYPING_EVERY) {
                    return;
                }
                let data = json!({
                    "type": "typing", "conversation_id": place.1, "user": user.name,
                });
                self.typed.insert(place, now);
                self.due.extend(ephemeral("typing", audience, &data));
            }
        }
    }

    /// Moves what may be told now to what is due.
    fn collect(&mut self, now: Instant) {
        self.told.retain(|_, at| now.duration_since(*at) < RECEIPT_EVERY);
        self.typed.retain(|_, at| now.duration_since(*at) < TYPING_EVERY);
        let told = &self.told;
        let ready: Vec<_> =
            self.receipts.extract_if(|place, _| !told.contains_key(place)).collect();
        for (place, receipt) in ready {
            let data = receipt_data(&receipt);
            self.due.extend(ephemeral("receipt", Audience::clone(&receipt.audience), &data));
            self.told.insert(place, now);
        }
    }

    async fn push(&mut self) {
        while !self.due.is_empty() {
            let sizes = self.due.iter().take(MAX_FACTS).map(Ephemeral::size);
            // One alone is never too large for the receiver.
            let rest = self.due.split_off(fitting(sizes, self.downstream.most_bytes()).max(1));
            let batch = EphemeralBatch::new(std::mem::replace(&mut self.due, rest));
            if let Err(error) = self.downstream.tell_passing(&batch).await {
                tracing::debug!(%error, lost = batch.ephemeral.len(), "passing facts were not told");
                self.metrics.ephemera_lost.inc_by(batch.ephemeral.len() as u64);
                // The rest would only come later.
                self.metrics.ephemera_lost.inc_by(self.due.len() as u64);
                self.due.clear();
            }
        }
    }
}

/// What a `receipt` says.
pub fn receipt_data(receipt: &Receipt) -> serde_json::Value {
    json!({
        "type": "receipt", "conversation_id": receipt.conversation_id,
        "user": receipt.user.name, "read_seq": receipt.read_seq,
        "delivered_seq": receipt.delivered_seq,
    })
}

fn is_early(
    last: &HashMap<Place, Instant>,
    place: &Place,
    now: Instant,
    interval: Duration,
) -> bool {
    last.get(place).is_some_and(|at| now.duration_since(*at) < interval)
}

fn ephemeral(kind: &str, audience: Audience, data: &serde_json::Value) -> Option<Ephemeral> {
    // A JSON value can always be written.
    let data = to_raw_value(data).ok()?.into();
    Some(Ephemeral { kind: kind.to_owned(), audience, data })
}
