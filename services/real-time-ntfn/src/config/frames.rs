//! [`FrameLimits`]: what a WebSocket's client may send.

/// What a WebSocket's client may send.
#[derive(Clone, Copy, Debug)]
pub struct FrameLimits {
    /// The longest message, in bytes.
    pub message_bytes: usize,
    /// How often.
    pub rate: FrameRate,
}

/// How often a WebSocket's client may send.
#[derive(Clone, Copy, Debug)]
pub struct FrameRate {
    /// Frames a second in the long run; 0 for any number.
    pub per_second: u32,
    /// Frames at once, after a pause.
    pub burst: u32,
}

impl FrameLimits {
    /// Messages that may wait for the ones before them: a whole burst, or it would not be allowed.
    pub fn most_waiting(&self) -> usize {
        match self.rate {
            FrameRate { per_second: 0, .. } => MOST_WAITING,
            FrameRate { burst, .. } => burst as usize,
        }
    }
}

impl Default for FrameLimits {
    fn default() -> Self {
        Self { message_bytes: 64 * 1024, rate: FrameRate { per_second: 20, burst: 100 } }
    }
}

/// Messages that may wait for the ones before them where any number may be sent at once.
const MOST_WAITING: usize = 128;
