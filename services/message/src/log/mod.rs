//! How things become durable and known: one task writes, another one tells what was written, and
//! a third what passes by.

pub mod downstream;
pub mod ephemera;
pub mod head;
pub mod health;
mod lanes;
mod pending;
pub mod relay;
mod upkeep;
pub mod write_error;
pub mod writer;
