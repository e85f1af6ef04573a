//! Blocks of memory that frames share: what lives for a moment would lie between what lives for hours, and
//! keep the allocator's pages of that.

use bytes::BytesMut;

use super::{Frame, Framing};

/// The most bytes of a block of frames that come and go together. One for a whole page of the log would be
/// of a size that the allocator has few of, and lie among those that stay: the slots of rings.
const TOGETHER: usize = 64 << 10;

/// Bytes of a block of frames that come one after the other. As long as one of them is held, all are.
const ONE_BY_ONE: usize = 16 << 10;

/// Copies frames that come and go together into blocks of their own.
pub fn pack(mut frames: &mut [Frame]) {
    while !frames.is_empty() {
        let (mut count, mut bytes) = (0, 0);
        for size in frames.iter().map(|frame| frame.bytes(Framing::Chunked).len()) {
            if count > 0 && bytes + size > TOGETHER {
                break;
            }
            (count, bytes) = (count + 1, bytes + size);
        }
        let (these, others) = frames.split_at_mut(count);
        let mut block = BytesMut::with_capacity(bytes);
        for frame in these {
            *frame = frame.packed(&mut block);
        }
        frames = others;
    }
}

/// Where frames are copied to that come one after the other, and go in that order.
#[derive(Debug, Default)]
pub struct Block(BytesMut);

impl Block {
    /// The same frame, in a block with those before it; a large one stays where it is.
    pub fn put(&mut self, frame: &Frame) -> Frame {
        let bytes = frame.bytes(Framing::Chunked).len();
        if bytes > ONE_BY_ONE / 8 {
            return frame.clone();
        }
        if self.0.capacity() < bytes {
            self.0 = BytesMut::with_capacity(ONE_BY_ONE);
        }
        frame.packed(&mut self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_says_the_same_and_lies_together() {
        let sizes = [10, 16_600, 16_600, 16_600, 16_600, 100_000, 20, 30];
        let frames = sizes.map(|size| Frame::new(&vec![b'x'; size]));
        let mut packed = frames.clone();
        pack(&mut packed);
        assert_eq!(packed, frames);
        let start = |at: usize| packed[at].bytes(Framing::Chunked).as_ptr();
        let end = |at: usize| packed[at].bytes(Framing::Chunked).as_ptr_range().end;
        let together: Vec<_> = (1..sizes.len()).map(|at| end(at - 1) == start(at)).collect();
        assert_eq!(together[..3], [true, true, true]);
        // No block is larger than it may be, unless one frame is.
        assert!(!together[3] && !together[4] && !together[5], "{together:?}");
        assert!(together[6]);
    }

    #[test]
    fn frames_that_come_one_by_one_lie_together_unless_they_are_large() {
        let mut block = Block::default();
        let small = [b"one", b"two"].map(|text| Frame::new(text));
        let [one, two] = [block.put(&small[0]), block.put(&small[1])];
        assert_eq!([&one, &two], [&small[0], &small[1]]);
        assert_eq!(
            one.bytes(Framing::Chunked).as_ptr_range().end,
            two.bytes(Framing::Chunked).as_ptr()
        );
        let large = Frame::new(&[b'x'; ONE_BY_ONE / 2]);
        let put = block.put(&large);
        assert_eq!(put.bytes(Framing::Bare).as_ptr(), large.bytes(Framing::Bare).as_ptr());
    }
}
