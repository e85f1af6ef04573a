//! [`Head`]: what a frame says about itself before its payload.

use actix_http::ws::OpCode;
use bytes::Buf;

use super::close::{self, Ending};

/// The longest payload of a control frame.
pub(super) const MAX_CONTROL: usize = 125;

/// The head of a frame.
pub(super) struct Head {
    pub(super) is_last: bool,
    pub(super) opcode: OpCode,
    pub(super) length: u64,
    pub(super) mask: [u8; 4],
    /// Of the head itself.
    pub(super) size: usize,
}

impl Head {
    /// Reads a head, unless it is not whole yet. Refuses what RFC 6455 does not know.
    pub(super) fn read(buffer: &[u8]) -> Result<Option<Self>, Ending> {
        let Some(&[first, second]) = buffer.first_chunk() else {
            return Ok(None);
        };
        let opcode = OpCode::from(first & 0x0f);
        let is_control = matches!(opcode, OpCode::Ping | OpCode::Pong | OpCode::Close);
        let (is_last, short) = (first & 0x80 != 0, second & 0x7f);
        if first & 0x70 != 0 {
            return Err(protocol("no extension was agreed on"));
        }
        if opcode == OpCode::Bad {
            return Err(protocol("there is no such opcode"));
        }
        if second & 0x80 == 0 {
            return Err(protocol("frames of clients are masked"));
        }
        if is_control && (!is_last || usize::from(short) > MAX_CONTROL) {
            return Err(protocol("control frames are short and whole"));
        }
        let mut rest = &buffer[2..];
        let long = match short {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        if rest.len() < long + 4 {
            return Ok(None);
        }
        let length = match long {
            2 => u64::from(rest.get_u16()),
            8 => rest.get_u64(),
            _ => u64::from(short),
        };
        let mut mask = [0; 4];
        rest.copy_to_slice(&mut mask);
        Ok(Some(Self { is_last, opcode, length, mask, size: 2 + long + 4 }))
    }
}

/// The client breaks the protocol.
pub(super) fn protocol(reason: &'static str) -> Ending {
    Ending::fault(close::PROTOCOL, reason)
}
