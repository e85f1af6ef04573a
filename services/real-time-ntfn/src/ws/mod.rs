//! WebSocket: the protocol without the socket, and what becomes of clients' frames.
//!
//! Whoever owns the socket, a shard or the portable path, gives what comes in to a [`Link`] and
//! does what it says. Messages leave through the connection's [`mailbox`] to the [`desk`], a task
//! that carries them out in order and answers through the connection's [`outlet`].
//!
//! | module | noun |
//! | --- | --- |
//! | `head`, `inbound`, `utf8` | from bytes to messages |
//! | `bucket` | how much a client may send |
//! | [`link`] | one connection's side of the protocol |
//! | [`close`] | why it ends |
//! | [`mailbox`] | its messages, in order |
//! | [`desk`] | who carries them out |
//! | `under_way` | whether what it was sent has been written |
//! | `said`, `reply` | what they mean, and what this service itself answers |
//! | [`outlet`] | the way back |
//! | [`Talk`] | what a WebSocket needs besides what every stream needs |
//! | [`service`] | what the service itself does with frames |
//! | [`spent`] | whose frames it does not pass on, since they would be refused |

mod bucket;
pub mod close;
pub mod desk;
mod head;
mod inbound;
pub mod link;
pub mod mailbox;
pub mod outlet;
mod peer;
mod reply;
mod said;
pub mod service;
pub mod spent;
mod talk;
mod under_way;
mod utf8;

pub use desk::{Desk, Frames};
pub use link::{Act, Link};
pub use peer::Peer;
pub use talk::Talk;
