//! The two services together, as the processes they are, under load and under faults.
//!
//! What must hold is one history (see [`history`]): acknowledged ⊆ stored ⊆ delivered, in order,
//! without a gap and without a duplicate. `REALTALK_SEED` repeats a run, `REALTALK_ROUNDS` makes
//! the crash tests longer, and `REALTALK_LONG=1` opens as many idle streams as a process may and
//! waits for ghosts to vanish with the settings that are in force by default.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test ends at the first thing that is not as it should be, and prints its seed"
)]

mod crash;
mod cut;
mod descriptors;
mod devices;
mod drain;
mod fanout;
mod ghosts;
mod hang;
mod idle;
mod import;
mod instances;
mod launcher;
mod postgres;
mod restore;
mod resume;
mod sessions;
mod several;
mod slow;
mod undelivered;

#[path = "../stage/mod.rs"]
mod stage;

use stage::{
    board, database, deadline, fleet, history, line, link, load, person, process, proxy, redis,
    scale, server, stream, wire,
};
