//! [`Utf8`]: whether text that comes in pieces is UTF-8, known at the first byte that is not.

/// Checks pieces of a text. A character may lie across pieces.
#[derive(Debug, Default)]
pub(super) struct Utf8 {
    /// The beginning of a character.
    begun: [u8; 4],
    length: usize,
}

/// The text is not UTF-8.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotUtf8;

impl Utf8 {
    /// Takes the next piece.
    pub(super) fn push(&mut self, mut piece: &[u8]) -> Result<(), NotUtf8> {
        while self.length > 0
            && let Some((first, rest)) = piece.split_first()
        {
            piece = rest;
            self.begun[self.length] = *first;
            self.length += 1;
            match str::from_utf8(&self.begun[..self.length]) {
                Ok(_) => self.length = 0,
                Err(error) if error.error_len().is_none() => {}
                Err(_) => return Err(NotUtf8),
            }
        }
        match str::from_utf8(piece) {
            Ok(_) => Ok(()),
            Err(error) if error.error_len().is_none() => {
                let begun = &piece[error.valid_up_to()..];
                self.begun[..begun.len()].copy_from_slice(begun);
                self.length = begun.len();
                Ok(())
            }
            Err(_) => Err(NotUtf8),
        }
    }

    /// Whether the text may end here.
    pub(super) fn is_whole(&self) -> bool {
        self.length == 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(pieces: &[&[u8]]) -> bool {
        let mut utf8 = Utf8::default();
        pieces.iter().all(|piece| utf8.push(piece).is_ok()) && utf8.is_whole()
    }

    #[test]
    fn a_wrong_byte_is_noticed_at_once() {
        let mut utf8 = Utf8::default();
        assert_eq!(utf8.push(b"\xce\xba\xf4"), Ok(()));
        // Beyond U+10FFFF, whatever follows.
        assert_eq!(utf8.push(b"\x90"), Err(NotUtf8));
    }

    proptest! {
        #[test]
        fn pieces_are_judged_like_the_whole(
            text in prop_oneof![
                any::<String>().prop_map(String::into_bytes),
                prop::collection::vec(any::<u8>(), 0..12),
            ],
            size in 1_usize..5,
        ) {
            let pieces: Vec<_> = text.chunks(size).collect();
            prop_assert_eq!(check(&pieces), str::from_utf8(&text).is_ok());
        }
    }
}
