//! [`Plan`]: how many clients, where they come from and go to, and what each is to receive.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What every client of a crowd does.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Plan {
    /// The number of the first client, where there are others elsewhere: by it, it has a name and a source
    /// address.
    pub(crate) first: usize,
    pub(crate) clients: usize,
    /// Where and what to subscribe.
    pub(crate) stream: Stream,
    /// How many marked posts each client is to receive.
    pub(crate) expect: u32,
    /// Whether a client that is cut comes back after its own `retry:` with `Last-Event-ID`.
    pub(crate) reconnect: bool,
    pub(crate) pace: Pace,
}

impl Plan {
    /// How long it may take until all are connected.
    pub(crate) fn patience(&self) -> Duration {
        Duration::from_secs(30 + self.clients as u64 / 250)
    }
}

/// A stream of a server under test.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Stream {
    pub(crate) to: SocketAddr,
    /// Further servers that have the same stream: clients take them in turn.
    pub(crate) also: Vec<SocketAddr>,
    pub(crate) path: String,
    /// Whether the server tells with `event: ready` that the subscription stands; otherwise the
    /// response head has to do.
    pub(crate) says_ready: bool,
    /// Whether its event ids grow as text, so that they can be checked too.
    pub(crate) ids_grow: bool,
    /// Whether each client is a user of its own, who gets some of the posts: those that name it.
    pub(crate) by_name: bool,
}

impl Stream {
    /// Where the client with this number goes.
    pub(super) fn to_of(&self, client: usize) -> SocketAddr {
        match client % (1 + self.also.len()) {
            0 => self.to,
            other => self.also[other - 1],
        }
    }

    /// What the client with this number asks for.
    pub(super) fn path_of(&self, client: usize) -> String {
        let user = self.by_name.then(|| format!("?user={}", user_name(client)));
        self.path.clone() + user.as_deref().unwrap_or_default()
    }
}

/// The bounds on opening connections.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Pace {
    pub(crate) threads: usize,
    /// New connections per second, over all threads.
    pub(crate) per_second: u32,
    /// Connections being opened at any time, over all threads.
    pub(crate) outstanding: usize,
}

/// Clients per source address: well below the 28,000 ports that an address pair has, with room for
/// those of an earlier run.
const CLIENTS_PER_ADDRESS: usize = 4_000;

/// The user that the client with this number is, where each is one.
pub(crate) fn user_name(client: usize) -> String {
    format!("user-{client:05}")
}

/// The loopback address that the client with this number comes from.
pub(super) fn source(client: usize) -> Ipv4Addr {
    let host = 2 + (client / CLIENTS_PER_ADDRESS) % 250;
    Ipv4Addr::new(127, 0, 0, host as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_take_servers_in_turn_and_addresses_one_after_the_other() {
        let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let (to, also, path) = (at(1), vec![at(2), at(3)], String::new());
        let stream = Stream { to, also, path, says_ready: true, ids_grow: true, by_name: false };
        let ports: Vec<_> = (0..5).map(|client| stream.to_of(client).port()).collect();
        assert_eq!(ports, [1, 2, 3, 1, 2]);
        assert_eq!(source(3_999), source(0));
        assert_ne!(source(4_000), source(0));
    }
}
