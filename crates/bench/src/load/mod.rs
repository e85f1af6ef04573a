//! What loads a server: crowds that listen, throngs of them in several processes, swarms that bother,
//! people who move about, requests one at a time or many at once, and the little of HTTP, SSE and WebSockets that they speak.

pub(crate) mod crowd;
pub(crate) mod dial;
pub(crate) mod histogram;
pub(crate) mod http;
pub(crate) mod listener;
pub(crate) mod mark;
pub(crate) mod opening;
pub(crate) mod poster;
mod sse;
pub(crate) mod swarm;
pub(crate) mod throng;
pub(crate) mod volley;
pub(crate) mod wanderers;
pub(crate) mod ws;
