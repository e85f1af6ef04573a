//! [`Encoded`]: an entry as one format has it.

use bytes::Bytes;

use super::frame::{Frame, Framing, ws::Header};

/// An entry as one format has it: a frame, or the header of a WebSocket's frame and its text, which
/// lies in the frame of another format.
#[derive(Clone, Copy, Debug)]
pub struct Encoded<'a> {
    header: &'a [u8],
    body: &'a Frame,
}

impl<'a> Encoded<'a> {
    pub(super) fn frame(frame: &'a Frame) -> Self {
        Self { header: &[], body: frame }
    }

    pub(super) fn with_header(header: &'a Header, text: &'a Frame) -> Self {
        Self { header: header.bytes(), body: text }
    }

    /// What is written, one part after the other. The first is often empty.
    pub fn parts(self, framing: Framing) -> [&'a [u8]; 2] {
        [self.header, self.body.bytes(framing)]
    }

    /// How many bytes that is.
    pub fn len(self, framing: Framing) -> usize {
        self.parts(framing).iter().map(|part| part.len()).sum()
    }

    /// What is left of it when so much has been written: shared, or copied where a part of the header
    /// is left.
    pub fn rest(self, framing: Framing, written: usize) -> Bytes {
        match written.checked_sub(self.header.len()) {
            Some(written) => self.body.share(framing).slice(written..),
            None => [&self.header[written..], self.body.bytes(framing)].concat().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_is_what_was_not_written() {
        let text = "x".repeat(200);
        let (sse, json) = (Frame::new(text.as_bytes()), Frame::bare(text.into()));
        let header = Header::of_text(200);
        let ws = Encoded::with_header(&header, &json);
        for (encoded, framing) in [
            (Encoded::frame(&sse), Framing::Bare),
            (Encoded::frame(&sse), Framing::Chunked),
            (ws, Framing::Bare),
        ] {
            let whole = encoded.parts(framing).concat();
            assert_eq!(whole.len(), encoded.len(framing));
            for written in 0..=whole.len() {
                assert_eq!(encoded.rest(framing, written), whole[written..], "{written}");
            }
        }
        // Many streams may be in the middle of one frame: they share what is left of it.
        let [_, text] = ws.parts(Framing::Bare);
        assert_eq!(ws.rest(Framing::Bare, 5).as_ptr(), text[1..].as_ptr());
    }
}
