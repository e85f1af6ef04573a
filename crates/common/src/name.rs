//! [`key`]: when two names are the same user, and how long that may be.

use unicode_normalization::UnicodeNormalization;

/// The longest key, in bytes: 64 characters of four. Folding can make a name many times as long,
/// and an event lists the keys of all who may see it.
pub const MAX_KEY_BYTES: usize = 256;

/// Folds a name. Two names are the same user exactly when this gives the same for both: NFKC, then
/// full case folding, and NFKC once more, since folding can undo it.
pub fn key(name: &str) -> String {
    caseless::default_case_fold_str(&name.nfkc().collect::<String>()).nfkc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_width_do_not_count() {
        for (one, other) in [("Alice", "aLICE"), ("STRASSE", "straße"), ("Ａlice", "alice")] {
            assert_eq!(key(one), key(other));
        }
        assert_ne!(key("alice"), key("alicé"));
    }
}
