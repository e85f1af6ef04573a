//! This service's copy of the event log: the feed, and where it is read from.

pub mod feed;
pub mod upstream;
