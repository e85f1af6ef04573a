//! [`Subscriber`]: hears what is said.

use std::time::{Duration, Instant};

use bytes::Bytes;
use common::{Backoff, signature::SignatureError};
use futures_util::StreamExt;
use redis::{
    Msg, RedisResult,
    aio::{PubSubSink, PubSubStream},
};
use tokio::time::timeout;

use crate::{
    channel::{Channel, MAX_MESSAGE},
    connection::{Bus, PATIENCE},
};

const FIRST_RETRY: Duration = Duration::from_millis(100);
const LONGEST_RETRY: Duration = Duration::from_secs(2);

/// More than any of us says, with its signature.
const MAX_SIGNED: usize = MAX_MESSAGE + 256;

/// After this long without a word the server is asked whether it is still there: whoever is cut off is not told.
const SILENCE: Duration = Duration::from_secs(2);

/// A connection that ends sooner than this has not been of use: the next one is made after a pause.
const OF_USE: Duration = Duration::from_secs(5);

/// What is heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// From now on what is said is heard. Whatever was said before may have been missed.
    Begun,
    /// Nothing is heard any more, until it begins again.
    Lost,
    /// One of us has said something.
    Said(Channel, Bytes),
}

/// Hears what is said on all channels, and connects again for as long as it is asked what is [`next`].
///
/// [`next`]: Subscriber::next
pub struct Subscriber {
    bus: Bus,
    subscription: Option<(PubSubSink, PubSubStream)>,
    /// When it began.
    since: Instant,
    names: [(String, Channel); 3],
    backoff: Backoff,
    /// Whether somebody has been told that messages of this subscription are refused.
    has_complained: bool,
}

impl Subscriber {
    /// Connects when somebody wants to hear something.
    pub fn new(bus: Bus) -> Self {
        let names = Channel::ALL.map(|channel| (bus.channel(channel), channel));
        let backoff = Backoff::new(FIRST_RETRY, LONGEST_RETRY);
        Self {
            bus,
            subscription: None,
            since: Instant::now(),
            names,
            backoff,
            has_complained: false,
        }
    }

    /// What is heard next.
    pub async fn next(&mut self) -> Heard {
        loop {
            let Some((sink, stream)) = &mut self.subscription else {
                self.begin().await;
                return Heard::Begun;
            };
            let lost = match timeout(SILENCE, stream.next()).await {
                Ok(Some(message)) => match self.read(&message) {
                    Some(said) => return said,
                    None => continue,
                },
                Ok(None) => "the connection has ended",
                Err(_) => match timeout(PATIENCE, sink.ping::<redis::Value>()).await {
                    Ok(Ok(_)) => continue,
                    _ => self.bus.address().no_answer(),
                },
            };
            if self.since.elapsed() >= OF_USE {
                tracing::warn!(address = %self.bus.address(), reason = lost, "Redis is not heard any more");
                self.backoff.reset();
            }
            self.subscription = None;
            self.bus.metrics().subscribed.set(0);
            return Heard::Lost;
        }
    }

    /// Connects, however long that takes.
    async fn begin(&mut self) {
        loop {
            if self.backoff.tries() > 0 {
                tokio::time::sleep(self.backoff.next_delay()).await;
            }
            let reason = match timeout(2 * PATIENCE, self.subscribe()).await {
                Ok(Ok(subscription)) => {
                    tracing::info!(
                        address = %self.bus.address(),
                        after_tries = self.backoff.tries(),
                        "listening to Redis"
                    );
                    self.subscription = Some(subscription);
                    (self.since, self.has_complained) = (Instant::now(), false);
                    // Should it end at once, the next one is made after a pause.
                    self.backoff.next_delay();
                    self.bus.metrics().connections.inc();
                    self.bus.metrics().subscribed.set(1);
                    return;
                }
                Ok(Err(error)) => error.to_string(),
                Err(_) => self.bus.address().no_answer().to_owned(),
            };
            if self.backoff.tries() == 0 {
                tracing::warn!(
                    address = %self.bus.address(),
                    reason,
                    "Redis cannot be listened to; the log is read instead, and it is tried again"
                );
                self.backoff.next_delay();
            }
        }
    }

    async fn subscribe(&self) -> RedisResult<(PubSubSink, PubSubStream)> {
        let (mut sink, stream) = self.bus.address().client.get_async_pubsub().await?.split();
        let names: Vec<_> = self.names.iter().map(|(name, _)| name).collect();
        sink.subscribe(names).await?;
        Ok((sink, stream))
    }

    /// What a message says, if it is one of ours.
    fn read(&mut self, message: &Msg) -> Option<Heard> {
        let of = message.get_channel_name();
        let (_, channel) = self.names.iter().find(|(name, _)| name == of)?;
        let payload = message.get_payload_bytes();
        let verified = match payload.len() {
            // Before anything is done with it.
            MAX_SIGNED.. => Err(SignatureError::Malformed),
            _ => self.bus.verify(*channel, Bytes::copy_from_slice(payload)),
        };
        match verified {
            Ok(said) => {
                self.bus.metrics().heard.inc();
                Some(Heard::Said(*channel, said))
            }
            Err(error) => {
                self.bus.metrics().refused.inc();
                if !std::mem::replace(&mut self.has_complained, true) {
                    tracing::warn!(channel = of, %error, "a message of Redis is not believed");
                }
                None
            }
        }
    }
}
