//! A database, whichever it is: [`Connection`]s in a [`Pool`], and statements ([`Sql`]) for them.
//!
//! Everything above says once what it wants. What is particular to one of the databases, is in `sqlite/` and
//! `postgres.rs`.

mod connection;
mod hosts;
mod pool;
mod sql;
mod units;

pub(super) use connection::{Connection, Value, values};
pub(super) use hosts::Hosts;
pub use pool::READS_AT_ONCE;
pub(super) use pool::{IDENTIFIERS, Pool, Pools, READERS};
pub(super) use sql::{Sql, either, list};
pub(super) use units::{id, micros, moment, since_1970};
