//! What is carried to streams: events, encoded once, and whom they are for.

pub(crate) mod audiences;
mod change;
pub mod connection_id;
pub mod encoded;
pub mod entry;
pub mod frame;
pub mod passing;
pub mod ring;
pub mod scope;
pub mod wire;
