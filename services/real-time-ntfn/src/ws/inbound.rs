//! [`Inbound`]: from bytes to messages, as RFC 6455 wants it.
//!
//! `actix_http`'s parser takes frames apart. What it leaves to its caller is here: the size of a
//! frame is judged by its head and not after it has been stored, fragments are put together, text
//! is checked as it comes, and control frames are held to their rules.

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
    Pong,
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
                OpCode::Pong => Some(Incoming::Pong),
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LONGEST: usize = 1_000;

    fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![first];
        match payload.len() {
            length @ 0..=125 => frame.push(0x80 | length as u8),
            length => {
                frame.push(0x80 | 126);
                frame.extend((length as u16).to_be_bytes());
            }
        }
        let mask = [7, 1, 200, 90];
        frame.extend(mask);
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        frame
    }

    /// Everything that comes of these bytes, given in pieces, and how it ends.
    fn read(bytes: &[u8], piece: usize) -> (Vec<Incoming>, Option<Ending>) {
        let (mut inbound, mut all) = (Inbound::default(), vec![]);
        for piece in bytes.chunks(piece) {
            inbound.push(piece);
            loop {
                match inbound.next(LONGEST) {
                    Ok(Some(incoming)) => all.push(incoming),
                    Ok(None) => break,
                    Err(ending) => return (all, Some(ending)),
                }
            }
        }
        (all, None)
    }

    fn refused(bytes: &[u8]) -> u16 {
        let (_, ending) = read(bytes, bytes.len());
        assert_eq!(read(bytes, 1).1, ending, "the same byte by byte");
        ending.unwrap().code.unwrap()
    }

    #[test]
    fn fragments_become_a_message_and_control_frames_pass_between() {
        let mut bytes = masked(0x01, "hä".as_bytes());
        bytes.extend(masked(0x89, b"ping"));
        bytes.extend(masked(0x00, b""));
        bytes.extend(masked(0x80, b"!"));
        bytes.extend(masked(0x82, &[b'x'; 500]));
        bytes.extend(masked(0x88, &1001_u16.to_be_bytes()));
        for piece in [1, 2, 7, 10_000] {
            let (all, ending) = read(&bytes, piece);
            assert_eq!(ending, None);
            let expected = [
                Incoming::Ping(Bytes::from_static(b"ping")),
                Incoming::Text("hä!".to_owned()),
                Incoming::Binary(Bytes::from_static(&[b'x'; 500])),
                Incoming::Close(Some(1001)),
            ];
            assert_eq!(all, expected, "in pieces of {piece}");
        }
    }

    #[test]
    fn what_the_protocol_does_not_allow_ends_the_connection() {
        let with = |first, payload: &[u8]| masked(first, payload);
        for bytes in [
            with(0xc1, b"rsv"),
            with(0x83, b"opcode"),
            with(0x8b, b"opcode"),
            with(0x80, b"nothing to continue"),
            [with(0x01, b"a"), with(0x81, b"b")].concat(),
            with(0x09, b"a fragment of a ping"),
            with(0x89, &[0; 126]),
            with(0x88, b"x"),
            with(0x88, &1005_u16.to_be_bytes()),
            b"\x81\x02hi".to_vec(),
        ] {
            assert_eq!(refused(&bytes), close::PROTOCOL, "{bytes:?}");
        }
        assert_eq!(refused(&with(0x81, b"\xff")), close::NOT_UTF8);
        assert_eq!(refused(&with(0x81, b"\xc3")), close::NOT_UTF8);
        assert_eq!(refused(&with(0x88, b"\x03\xe8\xff")), close::NOT_UTF8);
    }

    #[test]
    fn a_long_message_is_refused_by_its_head() {
        let head = &masked(0x82, &[0; LONGEST + 1])[..8];
        assert_eq!(refused(head), close::TOO_BIG);
        let half = [0; LONGEST / 2 + 1];
        let halves = [masked(0x02, &half), masked(0x80, &half)].concat();
        assert_eq!(refused(&halves), close::TOO_BIG);
        let (all, _) = read(&masked(0x82, &[0; LONGEST]), 100);
        assert_eq!(all.len(), 1);
        let mut huge = vec![0x82, 0xff];
        huge.extend([0xff; 12]);
        assert_eq!(refused(&huge), close::TOO_BIG);
    }

    #[test]
    fn a_character_that_cannot_be_ends_the_connection_before_its_frame_is_whole() {
        let frame = masked(0x81, b"\xce\xba\xf4\x90 and so on");
        let (all, ending) = read(&frame[..10], 1);
        assert_eq!((all, ending.unwrap().code), (vec![], Some(close::NOT_UTF8)));
    }

    #[test]
    fn between_messages_there_is_no_memory() {
        let mut inbound = Inbound::default();
        for byte in masked(0x81, &[b'x'; 900]) {
            inbound.push(&[byte]);
            inbound.next(LONGEST).unwrap();
        }
        assert_eq!(inbound.buffer.capacity(), 0);
    }

    proptest! {
        #[test]
        fn no_bytes_do_harm(bytes in prop::collection::vec(any::<u8>(), 0..60), piece in 1_usize..9) {
            let whole = read(&bytes, bytes.len().max(1));
            prop_assert_eq!(read(&bytes, piece), whole);
        }
    }
}
