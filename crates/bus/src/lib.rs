//! What the instances of the services tell each other over Redis or Valkey.
//!
//! It is only ever a faster way to hear what the log says: whoever misses something reads the log, and nothing
//! lies in Redis that cannot be lost. What is said is signed, since others may use the same server.

mod address;
mod channel;
mod connection;
mod metrics;
mod publisher;
mod roster;
mod subscriber;

pub use address::{Address, AddressError};
pub use channel::{Channel, MAX_MESSAGE};
pub use connection::Bus;
pub use metrics::Metrics;
pub use publisher::{PublishError, Publisher};
pub use roster::{Roster, RosterChange, RosterChangeKind, RosterPage};
pub use subscriber::{Heard, Subscriber};
