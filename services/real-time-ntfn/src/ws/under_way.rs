//! [`UnderWay`]: whether frames have been written.

use std::{
    collections::VecDeque,
    sync::{Arc, Weak},
};

use bytes::Bytes;

use crate::event::frame::{Frame, Framing};

/// Knows whether frames that were given away are still somewhere: whoever writes them lets go of
/// them, and so does whoever gives up.
#[derive(Default)]
pub(super) struct UnderWay(Weak<Bytes>);

/// The last of these frames.
struct Last(Arc<Bytes>);

impl AsRef<[u8]> for Last {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl UnderWay {
    /// Goes by the last of these frames: the others are written before it.
    pub(super) fn follow(&mut self, frames: &mut VecDeque<Frame>) {
        if let Some(last) = frames.pop_back() {
            let last = Arc::new(last.share(Framing::Bare));
            self.0 = Arc::downgrade(&last);
            frames.push_back(Frame::bare(Bytes::from_owner(Last(last))));
        }
    }

    /// Whether they are not written yet.
    pub(super) fn is_unwritten(&self) -> bool {
        self.0.strong_count() > 0
    }
}
