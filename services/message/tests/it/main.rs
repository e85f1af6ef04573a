//! The message service alone, over real sockets.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod answer;
mod app;
mod notified;
mod patience;
mod rows;
mod wire;

#[allow(dead_code, reason = "each binary uses its part")]
#[path = "../../../../crates/realtalk/tests/stage/database.rs"]
mod database;

mod arbitrary;
mod bad_input;
mod body;
mod changes;
mod client;
mod commit;
mod connections;
mod conversations;
mod cors;
mod dialect;
mod docs;
mod frames;
mod full_disk;
mod idempotency;
mod identity;
mod internal;
mod log;
mod messages;
mod operations;
mod paging;
mod private;
mod rate;
mod relay;
mod several;
mod sync;
