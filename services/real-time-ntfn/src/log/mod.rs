//! This service's copy of the event log: the feed, and where it is read from.

mod ahead;
pub mod feed;
mod known_sets;
pub mod upstream;
