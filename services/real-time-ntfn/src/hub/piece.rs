//! [`Piece`]: frames that go out together.

use bytes::{Bytes, BytesMut};

/// Streams take frames in pieces of about this size. actix keeps a write buffer at the size it
/// once grew to, and a long replay must not leave every stream with a large one.
const PIECE_BYTES: usize = 4_096;

/// Frames that go out together. A single one is shared, not copied.
#[derive(Default)]
pub(super) enum Piece {
    #[default]
    Empty,
    One(Bytes),
    Many(BytesMut),
}

impl Piece {
    pub(super) fn has_room(&self, frame: &Bytes) -> bool {
        match self {
            Self::Empty => true,
            Self::One(first) => first.len() + frame.len() <= PIECE_BYTES,
            Self::Many(frames) => frames.len() + frame.len() <= PIECE_BYTES,
        }
    }

    pub(super) fn add(&mut self, frame: &Bytes) {
        *self = match std::mem::take(self) {
            Self::Empty => Self::One(frame.clone()),
            Self::One(first) => {
                let mut frames = BytesMut::with_capacity(PIECE_BYTES);
                frames.extend_from_slice(&first);
                frames.extend_from_slice(frame);
                Self::Many(frames)
            }
            Self::Many(mut frames) => {
                frames.extend_from_slice(frame);
                Self::Many(frames)
            }
        };
    }

    pub(super) fn into_bytes(self) -> Option<Bytes> {
        match self {
            Self::Empty => None,
            Self::One(frame) => Some(frame),
            Self::Many(frames) => Some(frames.freeze()),
        }
    }
}
