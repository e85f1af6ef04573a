//! [`Frame`]: an encoded event, with and without what HTTP/1.1 puts around it.

use bytes::{BufMut, Bytes, BytesMut};

/// What HTTP puts around each frame of a response whose length nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Nothing: the stream ends with its connection, as in HTTP/1.0; or it is a WebSocket; or
    /// whoever writes it puts something around it.
    Bare,
    /// Each frame is a chunk (RFC 9112, section 7.1). Many clients that ask for a number of bytes
    /// are given a chunk at once, and anything else only when there is so much of it.
    Chunked,
}

impl Framing {
    /// What tells a client that the stream has ended, and was not cut.
    pub fn end(self) -> Option<Bytes> {
        match self {
            Self::Bare => None,
            Self::Chunked => Some(Bytes::from_static(b"0\r\n\r\n")),
        }
    }
}

/// An encoded event. Its chunk is made with it, once: all that receive it share the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    chunk: Bytes,
    /// Bytes of the chunk before the frame, and after it.
    head: u8,
    tail: u8,
}

struct Holding<T> {
    chunk: Bytes,
    _what: T,
}

impl<T> AsRef<[u8]> for Holding<T> {
    fn as_ref(&self) -> &[u8] {
        &self.chunk
    }
}

impl Frame {
    /// A frame of a response, which is written bare or as a chunk.
    pub fn new(bytes: &[u8]) -> Self {
        const LINE_BREAK: &[u8] = b"\r\n";
        let head = format!("{:x}\r\n", bytes.len());
        let mut chunk = BytesMut::with_capacity(head.len() + bytes.len() + LINE_BREAK.len());
        chunk.put(head.as_bytes());
        chunk.put(bytes);
        chunk.put(LINE_BREAK);
        Self { chunk: chunk.freeze(), head: head.len() as u8, tail: LINE_BREAK.len() as u8 }
    }

    /// A frame that is never put into a chunk: that of a WebSocket.
    pub const fn bare(bytes: Bytes) -> Self {
        Self { chunk: bytes, head: 0, tail: 0 }
    }

    /// The same frame, copied into a block that it shares with others.
    pub(super) fn packed(&self, block: &mut BytesMut) -> Self {
        block.put(&*self.chunk);
        Self { chunk: block.split().freeze(), ..*self }
    }

    /// What is a part of the frame that this one is a copy of, as a part of this one.
    pub(in crate::event) fn same_part(&self, original: &Self, part: &Bytes) -> Option<Bytes> {
        debug_assert_eq!(self, original, "it is a copy");
        let at = part.as_ptr().addr().checked_sub(original.chunk.as_ptr().addr())?;
        let end = at + part.len();
        (end <= self.chunk.len()).then(|| self.chunk.slice(at..end))
    }

    /// The same frame, and something that is let go of with it: when it has been written, or when
    /// whoever was to write it gives up.
    pub fn holding(self, what: impl Send + 'static) -> Self {
        Self { chunk: Bytes::from_owner(Holding { chunk: self.chunk, _what: what }), ..self }
    }

    /// What is written.
    pub fn bytes(&self, framing: Framing) -> &[u8] {
        match framing {
            Framing::Bare => {
                &self.chunk[usize::from(self.head)..self.chunk.len() - usize::from(self.tail)]
            }
            Framing::Chunked => &self.chunk,
        }
    }

    /// The same, shared.
    pub fn share(&self, framing: Framing) -> Bytes {
        self.chunk.slice_ref(self.bytes(framing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_written_bare_or_as_a_chunk() {
        let long = "x".repeat(300);
        for (text, chunk) in [
            ("data: 1\n\n", "9\r\ndata: 1\n\n\r\n".to_owned()),
            (&*long, format!("12c\r\n{long}\r\n")),
        ] {
            let frame = Frame::new(text.as_bytes());
            assert_eq!(frame.bytes(Framing::Bare), text.as_bytes());
            assert_eq!(frame.share(Framing::Chunked), chunk.as_bytes());
            assert_eq!(frame.share(Framing::Bare), text.as_bytes());
        }
        let frame = Frame::bare(Bytes::from_static(b"\x89\0"));
        assert_eq!(frame.bytes(Framing::Chunked), frame.bytes(Framing::Bare));
        // The end of a chunked response is an empty chunk.
        assert_eq!(Framing::Chunked.end().as_deref(), Some(&b"0\r\n\r\n"[..]));
    }
}
