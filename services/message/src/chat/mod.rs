//! What is said, by whom and where, and who may do what: the nouns and the rules.
//!
//! Pure: nothing here waits for anything. A text becomes a [`post::Post`] or a
//! [`username::Username`] here or nowhere, and [`access`] alone decides.

pub mod access;
pub mod change;
pub mod client_msg_id;
pub mod content;
pub mod conversation;
pub mod conversation_id;
pub(crate) mod emoji;
pub mod event;
pub(crate) mod look;
pub mod member;
pub mod mention;
pub mod message;
pub mod post;
pub mod user;
pub mod username;
mod visible;
