//! The notification service alone, over real sockets.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

// What a test client needs is the same for both services.
#[path = "../../../message/tests/it/answer.rs"]
mod answer;
#[path = "../../../message/tests/it/patience.rs"]
mod patience;
#[path = "../../../message/tests/it/wire.rs"]
mod wire;

mod app;
mod desk;
mod frames;
mod socket;
mod stream;
mod upstream;

mod admission;
mod bad_input;
mod batch;
mod direct;
mod events;
mod opening;
mod operations;
mod origin;
mod people;
mod resume;
mod starting;
mod ws;
