//! The WebSocket.

mod frames;
mod handshake;
mod limits;
