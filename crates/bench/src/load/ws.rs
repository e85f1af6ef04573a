//! As much of a WebSocket as a client needs that says text and looks for words in what it hears.

use std::net::SocketAddr;

use serde_json::Value;

use super::http;

/// The headers that ask for a WebSocket.
pub(crate) const HANDSHAKE: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\n\
                                    Sec-WebSocket-Version: 13\r\n\
                                    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// The request for a WebSocket.
pub(crate) fn request(to: SocketAddr, path: &str) -> Vec<u8> {
    http::request("GET", to, path, HANDSHAKE, "")
}

/// A masked text frame; a mask of zeros leaves what is said as it is.
pub(crate) fn frame(said: &Value) -> Vec<u8> {
    let text = said.to_string();
    let mut frame = vec![0x81];
    match u8::try_from(text.len()) {
        Ok(short) if short < 126 => frame.push(0x80 | short),
        _ => {
            frame.push(0x80 | 126);
            frame.extend((text.len() as u16).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(text.as_bytes());
    frame
}
