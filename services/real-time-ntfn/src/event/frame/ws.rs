//! WebSocket frames, as the server sends them.

use actix_http::ws::{OpCode, Parser};
use bytes::{Bytes, BytesMut};

/// The longest reason that fits into a close frame, in bytes.
const MAX_REASON: usize = 123;

/// The longest header of a frame that is not masked (RFC 6455, section 5.2).
const MAX_HEADER: usize = 10;

/// What comes before the text of a frame: for text that lies elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    bytes: [u8; MAX_HEADER],
    len: u8,
}

impl Header {
    /// That of a whole frame with so many bytes of text.
    pub fn of_text(text: usize) -> Self {
        const WHOLE_TEXT: u8 = 0x81;
        let mut bytes = [WHOLE_TEXT, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let len = match (u8::try_from(text), u16::try_from(text)) {
            (Ok(text @ ..126), _) => {
                bytes[1] = text;
                2
            }
            (_, Ok(text)) => {
                bytes[1] = 126;
                bytes[2..4].copy_from_slice(&text.to_be_bytes());
                4
            }
            _ => {
                bytes[1] = 127;
                bytes[2..].copy_from_slice(&(text as u64).to_be_bytes());
                MAX_HEADER as u8
            }
        };
        Self { bytes, len }
    }

    /// What is written.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

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
    let mut frame = BytesMut::with_capacity(payload.len() + MAX_HEADER);
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
        for len in [0, 125, 126, 255, 256, 65_535, 65_536] {
            let payload = vec![b'x'; len];
            assert_eq!([Header::of_text(len).bytes(), &payload].concat(), &text(&payload)[..]);
        }
        assert_eq!(&pong(b"a")[..], b"\x8a\x01a");
        assert_eq!(&close(None, "")[..], [0x88, 0]);
        assert_eq!(&close(Some(1001), "bye")[..], b"\x88\x05\x03\xe9bye");
        assert_eq!(close(Some(1001), &"é".repeat(100)).len(), 2 + 2 + 122);
    }
}
