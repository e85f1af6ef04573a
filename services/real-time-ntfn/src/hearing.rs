//! [`Hearing`]: takes what is said over Redis to where it belongs.

use std::time::{Duration, Instant};

use bus::{Channel, Heard, Subscriber};
use common::{Batch, event::EphemeralBatch};
use serde::de::DeserializeOwned;

use crate::{
    log::feed::{Feed, Source},
    people::{presence::Sharing, telling::Telling},
};

/// Takes what is said over Redis to where it belongs; [`run`](Hearing::run) it.
pub struct Hearing {
    subscriber: Subscriber,
    feed: Feed,
    telling: Telling,
    sharing: Sharing,
    /// When something was last said that cannot be read.
    complained: Option<Instant>,
}

/// Versions that do not understand each other say so all the time.
const COMPLAIN_EVERY: Duration = Duration::from_secs(60);

impl Hearing {
    /// To the log, to those who are connected, and to what is known of other instances.
    pub const fn new(
        subscriber: Subscriber,
        feed: Feed,
        telling: Telling,
        sharing: Sharing,
    ) -> Self {
        Self { subscriber, feed, telling, sharing, complained: None }
    }

    /// Works until it is aborted. It waits for nobody: Redis ends a connection on which too much waits, and others
    /// would hear everything late.
    pub async fn run(mut self) {
        loop {
            match self.subscriber.next().await {
                Heard::Begun => {
                    self.feed.listen_to(Source::Bus);
                    self.sharing.listen(true);
                }
                Heard::Lost => {
                    self.feed.listen_to(Source::LostBus);
                    self.sharing.listen(false);
                }
                Heard::Said(channel @ Channel::Log, said) => {
                    if let Some(batch) = self.read::<Batch>(channel, &said) {
                        self.feed.offer(batch);
                    }
                }
                Heard::Said(channel @ Channel::Passing, said) => {
                    if let Some(batch) = self.read::<EphemeralBatch>(channel, &said) {
                        self.telling.pass_on(&batch);
                    }
                }
                Heard::Said(channel @ Channel::Presence, said) => {
                    if let Some(said) = self.read(channel, &said) {
                        self.sharing.hear(said);
                    }
                }
            }
        }
    }

    fn read<T: DeserializeOwned>(&mut self, channel: Channel, said: &[u8]) -> Option<T> {
        serde_json::from_slice(said)
            .inspect_err(|error| {
                if self.complained.is_none_or(|at| at.elapsed() >= COMPLAIN_EVERY) {
                    tracing::error!(?channel, %error, "what was said over Redis cannot be read");
                    self.complained = Some(Instant::now());
                }
            })
            .ok()
    }
}
