//! What earlier systems promised their clients, and who may do what: asked of the programs as
//! they run, over HTTP, SSE and WebSocket, without a look inside.
//!
//! Each module `c000` to `c004` is one of the contracts that `RealTalk` took over; `permission`
//! goes through every endpoint and stream as everybody who could ask.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test ends at the first thing that is not as it should be, and prints its figures"
)]

mod api;
mod c000;
mod c001;
mod c002;
mod c003;
mod c004;
mod permission;
mod socket;

#[allow(dead_code, reason = "each binary uses its part")]
#[path = "../stage/mod.rs"]
mod stage;

use stage::{board, deadline, history, process, scale, wire};
