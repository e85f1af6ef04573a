//! Who may do what: every endpoint and stream, asked by everybody who could ask.
//!
//! [`rule`] says who may in a few words, [`table`] names a rule for each request, and [`matrix`]
//! sends them all as each of the [`cast`](cast::Who), where names are taken as given and where
//! they must be shown. What is not allowed has to answer as if it did not exist. [`streams`] does
//! the same for what streams show.

mod cast;
mod matrix;
mod rule;
mod sessions;
mod stage;
mod streams;
mod table;
mod watch;
