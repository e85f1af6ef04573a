//! Streams of somebody.

mod beginning;
mod delivering;
mod identity;
mod passing;
mod presence;
mod sessions;
