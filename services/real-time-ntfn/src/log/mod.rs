//! This service's copy of the event log: the feed, and where it is read from.

mod ahead;
mod early;
pub mod feed;
mod known_sets;
mod peers;
mod source;
pub mod upstream;
mod upstream_error;
