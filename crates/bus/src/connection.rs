//! [`Bus`]: a Redis server, and what the instances of one deployment call their channels there.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use common::{
    Secret,
    signature::{self, SignatureError},
};

use crate::{address::Address, channel::Channel, metrics::Metrics};

/// How long it may take to connect, and to answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// What is signed instead of a method: no request has this one.
const SAID: &str = "PUBLISH";

/// A Redis server, and what the instances of one deployment call their channels there. Clones are the same.
#[derive(Clone)]
pub struct Bus(Arc<Shared>);

struct Shared {
    address: Address,
    secret: Secret,
    /// Other deployments may use the same server: their secret is another one, and so are their names.
    prefix: String,
    metrics: Metrics,
}

impl Bus {
    /// Those meet that have the same secret. Nothing is connected yet.
    pub fn new(address: Address, secret: Secret, metrics: Metrics) -> Self {
        let prefix = format!("realtalk:{}", secret.mark("bus"));
        Self(Arc::new(Shared { address, secret, prefix, metrics }))
    }

    pub(crate) fn address(&self) -> &Address {
        &self.0.address
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// What Redis knows something of this deployment by.
    pub(crate) fn name(&self, of: &str) -> String {
        format!("{}:{of}", self.0.prefix)
    }

    /// What Redis knows a channel by.
    pub(crate) fn channel(&self, channel: Channel) -> String {
        self.name(channel.name())
    }

    /// A message: the signature, a line break, and what is said.
    pub(crate) fn sign(&self, channel: Channel, body: &[u8]) -> Vec<u8> {
        let signature = signature::sign(&self.0.secret, SAID, channel.name(), body);
        [signature.as_bytes(), b"\n", body].concat()
    }

    /// What is said in a message, if one of us said it.
    pub(crate) fn verify(&self, channel: Channel, message: Bytes) -> Result<Bytes, SignatureError> {
        let end = message.iter().position(|byte| *byte == b'\n');
        let end = end.ok_or(SignatureError::Malformed)?;
        let signature = str::from_utf8(&message[..end]).map_err(|_| SignatureError::Malformed)?;
        let body = message.slice(end + 1..);
        signature::verify(&self.0.secret, signature, SAID, channel.name(), &body)?;
        Ok(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bus(secret: &str) -> Bus {
        let address = Address::parse("redis://localhost").unwrap();
        let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
        Bus::new(address, Secret::parse(secret).unwrap(), metrics)
    }

    #[test]
    fn what_others_say_or_say_elsewhere_is_not_believed() {
        let (ours, theirs) = (bus("0123456789abcdef"), bus("fedcba9876543210"));
        assert_ne!(ours.channel(Channel::Log), theirs.channel(Channel::Log));
        let said = |by: &Bus| Bytes::from(by.sign(Channel::Log, b"{\n}"));
        let heard = ours.verify(Channel::Log, said(&ours)).unwrap();
        assert_eq!(heard, Bytes::from_static(b"{\n}"));
        for (channel, message, error) in [
            (Channel::Log, said(&theirs), SignatureError::Mismatch),
            (Channel::Passing, said(&ours), SignatureError::Mismatch),
            (Channel::Log, Bytes::from_static(b"{}"), SignatureError::Malformed),
            (Channel::Log, Bytes::from_static(b"\xff\n{}"), SignatureError::Malformed),
        ] {
            assert_eq!(ours.verify(channel, message), Err(error));
        }
    }
}
