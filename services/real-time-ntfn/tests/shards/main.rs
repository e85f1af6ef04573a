//! Shards with real sockets and difficult clients.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bytewise;
mod introduction;
mod overtaken;
mod sessions;
mod sockets;
mod stage;
