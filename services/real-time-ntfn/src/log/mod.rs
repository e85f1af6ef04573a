//! This service's copy of the event log: the feed, and where it is read from.

pub mod feed;
mod known_sets;
pub mod upstream;
