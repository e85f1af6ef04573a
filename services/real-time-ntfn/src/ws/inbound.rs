//! [`Inbound`]: from bytes to messages, as RFC 6455 wants it.
//!
//! `actix_http`'s parser takes frames apart. What it leaves to its caller is here: the size of a
//! frame is judged by its head and not after it has been stored, fragments are put together, text
//! is checked as it comes, and control frames are held to their rules.

#[cfg(test)]
mod tests;

use actix_http::ws::{OpCode, Parser};
use bytes::{Bytes, BytesMut};

use super::{
    close::{self, Ending},
    head::{Head, MAX_CONTROL, protocol},
    utf8::Utf8,
};

/// Fragments of one message. Their number costs work whatever their size.
const MOST_FRAGMENTS: u32 = 4_096;

/// What a client has sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    /// A whole text message.
    Text(String),
    /// A whole binary message.
    Binary(Bytes),
    /// It wants a pong with the same data.
    Ping(Bytes),
    /// It is there.
    Pong(Bytes),
    /// It wants to end, with this code.
    Close(Option<u16>),
}

/// Bytes that are not a whole message yet. Between messages it holds no memory.
#[derive(Debug, Default)]
pub(super) struct Inbound {
    buffer: BytesMut,
    /// How many bytes of the payload at the front of the buffer are known to be UTF-8.
    checked: usize,
    /// Of the text message that is coming.
    utf8: Utf8,
    message: Option<Message>,
}

/// A message whose fragments are coming.
#[derive(Debug)]
struct Message {
    is_text: bool,
    payload: BytesMut,
    fragments: u32,
}

impl Inbound {
    /// Takes bytes from the socket.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next message or control frame, if it is whole; or how the connection has to end.
    /// Messages have at most `longest` bytes.
    pub(super) fn next(&mut self, longest: usize) -> Result<Option<Incoming>, Ending> {
        loop {
            let Some(head) = self.admit(longest)? else {
                return Ok(None);
            };
            // Admitted lengths are small.
            let length = head.length as usize;
            if self.buffer.len() < head.size + length {
                self.check_ahead(&head)?;
                return Ok(None);
            }
            let payload = match Parser::parse(&mut self.buffer, true, longest.max(MAX_CONTROL)) {
                Ok(Some((_, _, payload))) => payload.unwrap_or_default(),
                _ => return Err(protocol("this is no frame")),
            };
            if self.buffer.is_empty() {
                self.buffer = BytesMut::new();
            }
            let incoming = match head.opcode {
                OpCode::Ping => Some(Incoming::Ping(payload.freeze())),
                OpCode::Pong => Some(Incoming::Pong(payload.freeze())),
                OpCode::Close => Some(Incoming::Close(close_code(&payload)?)),
                _ => self.collect(&head, payload)?,
            };
            if incoming.is_some() {
                return Ok(incoming);
            }
        }
    }

    /// The head of the next frame, if it is whole and the frame may come.
    fn admit(&mut self, longest: usize) -> Result<Option<Head>, Ending> {
        let Some(head) = Head::read(&self.buffer)? else {
            return Ok(None);
        };
        match head.opcode {
            OpCode::Ping | OpCode::Pong | OpCode::Close => return Ok(Some(head)),
            OpCode::Continue if self.message.is_none() => {
                return Err(protocol("there is nothing to continue"));
            }
            OpCode::Text | OpCode::Binary if self.message.is_some() => {
                return Err(protocol("the message before has not ended"));
            }
            _ => {}
        }
        let so_far = self.message.as_ref().map_or(0, |message| message.payload.len() as u64);
        if head.length.saturating_add(so_far) > longest as u64 {
            return Err(Ending::fault(close::TOO_BIG, "the message is too long"));
        }
        Ok(Some(head))
    }

    /// Checks what is there of a text frame that is not whole.
    fn check_ahead(&mut self, head: &Head) -> Result<(), Ending> {
        if !self.is_text(head) {
            return Ok(());
        }
        let payload = self.buffer.get(head.size..).unwrap_or_default();
        let mut piece = [0; 256];
        while self.checked < payload.len() {
            let masked = payload[self.checked..].iter().zip(self.checked..);
            let mut length = 0;
            for ((byte, at), plain) in masked.zip(&mut piece) {
                *plain = byte ^ head.mask[at % 4];
                length += 1;
            }
            self.utf8.push(&piece[..length]).map_err(|_| not_utf8())?;
            self.checked += length;
        }
        Ok(())
    }

    /// Adds a frame to its message, which is returned when it is whole.
    fn collect(&mut self, head: &Head, payload: BytesMut) -> Result<Option<Incoming>, Ending> {
        let is_text = self.is_text(head);
        let checked = std::mem::take(&mut self.checked);
        if is_text {
            self.utf8.push(&payload[checked..]).map_err(|_| not_utf8())?;
        }
        let payload = match self.message.take() {
            None => payload,
            Some(mut message) => {
                message.payload.extend_from_slice(&payload);
                message.fragments += 1;
                if message.fragments > MOST_FRAGMENTS {
                    return Err(Ending::fault(close::POLICY, "the message has too many fragments"));
                }
                if !head.is_last {
                    self.message = Some(message);
                    return Ok(None);
                }
                message.payload
            }
        };
        if !head.is_last {
            self.message = Some(Message { is_text, payload, fragments: 1 });
            return Ok(None);
        }
        if !is_text {
            return Ok(Some(Incoming::Binary(payload.freeze())));
        }
        if !self.utf8.is_whole() {
            return Err(not_utf8());
        }
        String::from_utf8(payload.into()).map(Incoming::Text).map(Some).map_err(|_| not_utf8())
    }

    fn is_text(&self, head: &Head) -> bool {
        match head.opcode {
            OpCode::Text => true,
            OpCode::Continue => self.message.as_ref().is_some_and(|message| message.is_text),
            _ => false,
        }
    }
}

fn close_code(payload: &[u8]) -> Result<Option<u16>, Ending> {
    if payload.len() > 2 && str::from_utf8(&payload[2..]).is_err() {
        return Err(not_utf8());
    }
    Parser::try_parse_close_payload(payload)
        .map(|reason| reason.map(|reason| reason.code.into()))
        .map_err(|_| protocol("this is no reason to close"))
}

fn not_utf8() -> Ending {
    Ending::fault(close::NOT_UTF8, "text is UTF-8")
}
