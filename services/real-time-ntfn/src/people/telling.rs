//! [`Telling`]: gives what is in no log to those who are connected now, here and to the other instances.

use bus::{Channel, MAX_MESSAGE, Publisher};
use common::{
    Audience, Ephemeral,
    event::{EphemeralBatch, fitting},
    internal::MAX_FACTS,
};
use tokio::sync::mpsc;

use super::presence::Presence;
use crate::{
    event::{entry::Entry, passing},
    hub::Hub,
    metrics::Metrics,
};

/// The type of a passing fact that is dropped in a room with many watchers.
const TYPING: &str = "typing";

/// In a room that more streams watch than this, somebody is always typing.
const MOST_WATCHERS: usize = 100;

/// Facts for other instances that may wait; further ones are dropped.
const QUEUE: usize = 256;

/// Gives passing facts to those they are for. Clones do the same.
#[derive(Clone)]
pub struct Telling {
    hub: Hub,
    presence: Presence,
    others: Option<Others>,
    metrics: Metrics,
}

/// The other instances.
#[derive(Clone)]
struct Others {
    /// What they know this one by.
    name: String,
    facts: mpsc::Sender<Ephemeral>,
}

/// Tells the other instances; [`run`](TellingTask::run) it.
pub struct TellingTask {
    name: String,
    facts: mpsc::Receiver<Ephemeral>,
    publisher: Publisher,
    metrics: Metrics,
}

impl Telling {
    /// Tells the streams of a hub.
    pub const fn new(hub: Hub, presence: Presence, metrics: Metrics) -> Self {
        Self { hub, presence, others: None, metrics }
    }

    /// Tells those of the others as well, who know this instance by a name.
    pub fn and_others(self, name: String, publisher: Publisher) -> (Self, TellingTask) {
        let (sender, facts) = mpsc::channel(QUEUE);
        let metrics = self.metrics.clone();
        let task = TellingTask { name: name.clone(), facts, publisher, metrics };
        (Self { others: Some(Others { name, facts: sender }), ..self }, task)
    }

    /// Gives passing facts to whom they are for, as far as there is room. What this instance has told the others
    /// comes back to it, and is not told again.
    pub fn pass_on(&self, batch: &EphemeralBatch) {
        let name = self.others.as_ref().map(|others| &others.name);
        if batch.from.is_some() && batch.from.as_ref() == name {
            return;
        }
        let all = self.hub.streams();
        let crowded = |audience: &Audience| {
            matches!(audience, Audience::Room(room)
                if self.presence.watchers(room, all) > MOST_WATCHERS)
        };
        let wanted = batch.ephemeral.iter().take(MAX_FACTS);
        let wanted = wanted.filter(|fact| fact.kind != TYPING || !crowded(&fact.audience));
        let entries: Vec<_> = wanted.filter_map(passing::from_wire).collect();
        let published = entries.len();
        let published = if self.hub.offer(entries) { published } else { 0 };
        self.metrics.passing_dropped.inc_by((batch.ephemeral.len() - published) as u64);
    }

    /// Gives a fact to whom it is for, and waits until all of this instance have it on their way. Others hear it if
    /// Redis is there; nobody waits for that.
    pub async fn broadcast(&self, fact: Ephemeral) {
        self.hub.publish([Entry::ephemeral(&fact)]).await;
        if let Some(others) = &self.others
            && others.facts.try_send(fact).is_err()
        {
            self.metrics.passing_dropped.inc();
        }
    }
}

impl TellingTask {
    /// Works until it is aborted.
    pub async fn run(mut self) {
        let mut facts = Vec::new();
        while self.facts.recv_many(&mut facts, QUEUE).await > 0 {
            while !facts.is_empty() {
                let fits = fitting(facts.iter().map(Ephemeral::size), MAX_MESSAGE / 4).max(1);
                let rest = facts.split_off(fits);
                let said = std::mem::replace(&mut facts, rest);
                let batch = EphemeralBatch { ephemeral: said, from: Some(self.name.clone()) };
                if let Err(error) = self.publisher.publish(Channel::Passing, &batch).await {
                    tracing::debug!(%error, "the other instances were not told");
                    self.metrics.passing_dropped.inc_by(batch.ephemeral.len() as u64);
                }
            }
        }
    }
}
