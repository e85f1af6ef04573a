//! What the tests stand on: the programs as processes, the network between, people who use them, and
//! the one history that must come of it.

pub(crate) mod board;
pub(crate) mod database;
pub(crate) mod deadline;
pub(crate) mod fleet;
pub(crate) mod history;
pub(crate) mod line;
pub(crate) mod link;
pub(crate) mod load;
pub(crate) mod person;
pub(crate) mod process;
pub(crate) mod proxy;
pub(crate) mod redis;
pub(crate) mod scale;
pub(crate) mod server;
pub(crate) mod stream;
pub(crate) mod wire;
