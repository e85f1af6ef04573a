//! [`Piece`]: frames that go out together.

use bytes::{Bytes, BytesMut};

use crate::event::{encoded::Encoded, frame::Framing};

/// Streams take frames in pieces of about this size. actix keeps a write buffer at the size it
/// once grew to, and a long replay must not leave every stream with a large one.
const PIECE_BYTES: usize = 4_096;

/// Frames that go out together. A single one is shared where it is in one part, not copied.
#[derive(Default)]
pub(super) enum Piece {
    #[default]
    Empty,
    One(Bytes),
    Many(BytesMut),
}

impl Piece {
    /// Whether a frame of so many bytes goes with what is there.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        match self {
            Self::Empty => true,
            Self::One(first) => first.len() + bytes <= PIECE_BYTES,
            Self::Many(frames) => frames.len() + bytes <= PIECE_BYTES,
        }
    }

    pub(super) fn add(&mut self, frame: Encoded<'_>) {
        let mut frames = match std::mem::take(self) {
            Self::Empty => {
                *self = Self::One(frame.rest(Framing::Bare, 0));
                return;
            }
            Self::One(first) => {
                let mut frames = BytesMut::with_capacity(PIECE_BYTES);
                frames.extend_from_slice(&first);
                frames
            }
            Self::Many(frames) => frames,
        };
        frame.parts(Framing::Bare).into_iter().for_each(|part| frames.extend_from_slice(part));
        *self = Self::Many(frames);
    }

    pub(super) fn into_bytes(self) -> Option<Bytes> {
        match self {
            Self::Empty => None,
            Self::One(frame) => Some(frame),
            Self::Many(frames) => Some(frames.freeze()),
        }
    }
}
