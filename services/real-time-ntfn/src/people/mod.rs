//! People on streams: who is there, and what has reached them.

pub mod delivery;
pub mod presence;
pub mod telling;
pub mod unseen;
