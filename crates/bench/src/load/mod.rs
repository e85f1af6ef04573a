//! What loads a server: crowds that listen, requests one at a time or many at once, and the little
//! of HTTP and SSE that they speak.

pub(crate) mod crowd;
pub(crate) mod histogram;
pub(crate) mod http;
pub(crate) mod mark;
pub(crate) mod opening;
pub(crate) mod poster;
mod sse;
pub(crate) mod volley;
