//! WebSocket frames, as the server sends them.

use actix_http::ws::{OpCode, Parser};
use bytes::{Bytes, BytesMut};

/// The longest reason that fits into a close frame, in bytes.
const MAX_REASON: usize = 123;

/// A text frame. The bytes are UTF-8.
pub fn text(text: &[u8]) -> Bytes {
    frame(OpCode::Text, text)
}

/// A binary frame.
pub fn binary(data: &[u8]) -> Bytes {
    frame(OpCode::Binary, data)
}

/// Asks whether the client is still there; its answer has the same data.
pub fn ping(data: &[u8]) -> Bytes {
    frame(OpCode::Ping, data)
}

/// Answers a ping, with its data.
pub fn pong(data: &[u8]) -> Bytes {
    frame(OpCode::Pong, data)
}

/// Ends the connection, with a code and a word why; without a code, an empty frame.
pub fn close(code: Option<u16>, reason: &str) -> Bytes {
    let mut payload = Vec::new();
    if let Some(code) = code {
        payload.extend_from_slice(&code.to_be_bytes());
        payload.extend_from_slice(&reason.as_bytes()[..reason.floor_char_boundary(MAX_REASON)]);
    }
    frame(OpCode::Close, &payload)
}

fn frame(opcode: OpCode, payload: &[u8]) -> Bytes {
    // The longest header has 10 bytes.
    let mut frame = BytesMut::with_capacity(payload.len() + 10);
    Parser::write_message(&mut frame, payload, opcode, true, false);
    frame.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_unmasked_and_whole() {
        assert_eq!(&text(b"{}")[..], b"\x81\x02{}");
        assert_eq!(&text(&[b'x'; 300])[..4], [0x81, 126, 1, 44]);
        assert_eq!(&pong(b"a")[..], b"\x8a\x01a");
        assert_eq!(&close(None, "")[..], [0x88, 0]);
        assert_eq!(&close(Some(1001), "bye")[..], b"\x88\x05\x03\xe9bye");
        assert_eq!(close(Some(1001), &"é".repeat(100)).len(), 2 + 2 + 122);
    }
}
