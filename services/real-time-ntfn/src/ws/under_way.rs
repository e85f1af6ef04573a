//! [`UnderWay`]: whether frames have been written.

use std::{
    collections::VecDeque,
    sync::{Arc, Weak},
};

use crate::event::frame::Frame;

/// Knows whether frames that were given away are still somewhere: whoever writes them lets go of
/// them, and so does whoever gives up.
#[derive(Default)]
pub(super) struct UnderWay(Weak<()>);

impl UnderWay {
    /// Goes by the last of these frames: the others are written before it.
    pub(super) fn follow(&mut self, frames: &mut VecDeque<Frame>) {
        if let Some(last) = frames.pop_back() {
            let held = Arc::new(());
            self.0 = Arc::downgrade(&held);
            frames.push_back(last.holding(held));
        }
    }

    /// Whether they are not written yet.
    pub(super) fn is_unwritten(&self) -> bool {
        self.0.strong_count() > 0
    }
}
