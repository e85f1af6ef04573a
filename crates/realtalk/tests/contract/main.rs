//! What earlier systems promised their clients, and who may do what: asked of the programs as
//! they run, over HTTP, SSE and WebSocket, without a look inside.
//!
//! `one_board`, `two_services`, `private_chat`, `dialect` and `socket_hub` are each one of the
//! contracts that `RealTalk` took over; `permission` goes through every endpoint and stream as
//! everybody who could ask.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test ends at the first thing that is not as it should be, and prints its figures"
)]

mod api;
mod dialect;
mod one_board;
mod permission;
mod private_chat;
mod socket;
mod socket_hub;
mod two_services;

#[allow(dead_code, reason = "each binary uses its part")]
#[path = "../stage/mod.rs"]
mod stage;

use stage::{board, database, deadline, history, line, link, process, redis, scale, server, wire};
