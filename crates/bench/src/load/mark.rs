//! The mark every benchmark post carries in its text: which post it is and when it was sent.
//!
//! Fixed width, so that finding and reading one costs a substring search and 26 digits; a JSON
//! parser per delivery would measure the generator instead of the server.

use std::sync::LazyLock;

use memchr::memmem::Finder;

const OPEN: &[u8] = b"rtb:";
const SEQ_DIGITS: usize = 8;
/// As many as thirty years since the machine was started take.
const TIME_DIGITS: usize = 18;
/// `rtb:` seq `:` time `:`
const LEN: usize = OPEN.len() + SEQ_DIGITS + 1 + TIME_DIGITS + 1;

static FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(OPEN));

/// Number of a post within its run, from 0, and the clock's time just before it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) seq: u32,
    pub(crate) sent: u64,
}

impl Mark {
    /// The text of a post, padded to `bytes` (never shorter than the mark itself).
    pub(crate) fn content(self, bytes: usize) -> String {
        let mut text = format!("rtb:{:0SEQ_DIGITS$}:{:0TIME_DIGITS$}:", self.seq, self.sent);
        text.extend(std::iter::repeat_n('x', bytes.saturating_sub(LEN)));
        text
    }

    /// The mark in an event's data, if it has one.
    pub(crate) fn find(data: &[u8]) -> Option<Self> {
        let start = FINDER.find(data)? + OPEN.len();
        let fields = data.get(start..start + LEN - OPEN.len())?;
        let seq = number(&fields[..SEQ_DIGITS])?;
        let sent = number(&fields[SEQ_DIGITS + 1..SEQ_DIGITS + 1 + TIME_DIGITS])?;
        Some(Self { seq: u32::try_from(seq).ok()?, sent })
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |sum, digit| {
        digit.is_ascii_digit().then(|| sum * 10 + u64::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_survives_the_trip_through_json() {
        let mark = Mark { seq: 4_711, sent: 123_456_789_012_345 };
        let content = mark.content(200);
        assert_eq!(content.len(), 200);
        let data = format!(r#"{{"type":"message","content":"{content}"}}"#);
        assert_eq!(Mark::find(data.as_bytes()), Some(mark));
    }

    #[test]
    fn other_data_has_no_mark() {
        assert_eq!(Mark::find(br#"{"type":"heartbeat"}"#), None);
        assert_eq!(Mark::find(b"rtb:123"), None);
        assert_eq!(Mark::find(b"rtb:0000000x:000000000000000000:"), None);
    }
}
