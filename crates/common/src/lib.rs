//! What crosses the wire between the RealTalk services, and the little besides that is the same in
//! both.
//!
//! | module | noun |
//! | --- | --- |
//! | [`id`] | [`EventId`]: the one number that orders everything |
//! | [`clock`] | [`Moment`]: when something happened, as a [`Clock`] said |
//! | [`event`] | [`Event`], and the [`Batch`] that carries events between the services |
//! | [`audience`] | [`Audience`]: who may see an event |
//! | [`internal`] | what the services ask of each other besides: who is it, what was delivered, … |
//! | [`name`] | when two names are the same user |
//! | [`problem`] | [`Problem`]: the body of every error answer |
//! | [`secret`] | [`Secret`]: what the services share to trust each other |
//! | [`signature`] | signing and checking requests on the internal hop |
//! | [`backoff`] | [`Backoff`]: how long to wait before the next try |
//! | [`telemetry`] | logs |
//!
//! This crate knows no web framework and no service.

pub mod audience;
pub mod backoff;
pub mod clock;
pub mod event;
pub mod id;
pub mod internal;
pub mod name;
pub mod problem;
pub mod secret;
pub mod signature;
pub mod telemetry;

pub use audience::Audience;
pub use backoff::Backoff;
pub use clock::{Clock, Moment};
pub use event::{Batch, Ephemeral, Event};
pub use id::EventId;
pub use problem::Problem;
pub use secret::Secret;
