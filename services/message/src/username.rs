//! [`Username`]: what a user is called, and by which two users are told apart.

use std::fmt;

/// A name as it is compared.
pub(crate) use common::name::key as fold;
use common::{internal::UserRef, name::MAX_KEY_BYTES};
use http_kit::Rejection;

/// A name of 1–64 printable characters with single inner spaces and none of `: , / \ @`.
///
/// Shown as its owner wrote it; compared by its [`key`](Username::key), which has at most
/// [`MAX_KEY_BYTES`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Username {
    shown: String,
    key: String,
}

impl Username {
    /// The most characters a name may have.
    pub const MAX_CHARS: usize = 64;

    /// Takes a name as a client sent it, without the spaces around it.
    pub fn parse(text: &str) -> Result<Self, Rejection> {
        Self::parse_field("user", text)
    }

    /// The same, of a field that is called something else.
    pub fn parse_field(field: &'static str, text: &str) -> Result<Self, Rejection> {
        let shown = text.trim();
        let refuse = |code, detail: &'static str| Err(Rejection::field(field, code, detail));
        if shown.is_empty() {
            return refuse("user_empty", "a name has at least one character");
        }
        if shown.chars().count() > Self::MAX_CHARS {
            return refuse("user_too_long", "a name has at most 64 characters");
        }
        if shown.contains("  ") || shown.chars().any(|c| !is_allowed(c)) {
            return refuse(
                "user_invalid",
                "a name has printable characters and single spaces, none of : , / \\ @",
            );
        }
        let key = fold(shown);
        // Compatibility forms may hide what is not allowed: a fullwidth comma, an ideographic space.
        if key.is_empty() || key.trim() != key || key.chars().any(|c| !is_allowed(c)) {
            return refuse("user_invalid", "a name has no look-alikes of : , / \\ @ or spaces");
        }
        if key.len() > MAX_KEY_BYTES {
            return refuse(
                "user_too_long",
                "a name has at most 256 bytes where characters that stand for several are spelled out",
            );
        }
        Ok(Self { shown: shown.to_owned(), key })
    }

    /// A name for someone who gave none.
    ///
    /// Made from the message's own key where there is one, so that a repeated post has the same
    /// sender and is recognised; else at random.
    pub fn guest(client_msg_id: Option<&str>) -> Self {
        let number = match client_msg_id {
            Some(id) => {
                let digest = <sha2::Sha256 as sha2::Digest>::digest(id.as_bytes());
                u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
            }
            None => rand::random(),
        };
        let shown = format!("guest-{number:08x}");
        Self { key: shown.clone(), shown }
    }

    /// The name as written.
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// Name and key, as the services pass them on.
    pub fn to_ref(&self) -> UserRef {
        UserRef { name: self.shown.clone(), key: self.key.clone() }
    }

    /// Equal for two names exactly when they are the same user: NFKC, then full case folding.
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// Whether a character shows nothing: zero-width ones, and marks of direction.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{ffff}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Names must not look alike and differ.
fn is_allowed(c: char) -> bool {
    let invisible = is_invisible(c);
    let private = matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}');
    let space_but_not_plain = c.is_whitespace() && c != ' ';
    !(c.is_control() || invisible || private || space_but_not_plain || ":,/\\@".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_case_and_width() {
        for (a, b) in
            [("Alice", "alice"), ("STRASSE", "straße"), ("Ａlice", "alice"), ("Σας", "σασ")]
        {
            assert_eq!(Username::parse(a).unwrap().key(), Username::parse(b).unwrap().key());
        }
        let name = Username::parse(" John Doe ").unwrap();
        assert_eq!((name.as_str(), name.key()), ("John Doe", "john doe"));
    }

    #[test]
    fn what_could_mislead_is_refused() {
        for (name, code) in [
            ("", "user_empty"),
            (" \t ", "user_empty"),
            (&*"x".repeat(65), "user_too_long"),
            ("a  b", "user_invalid"),
            ("a:b", "user_invalid"),
            ("a,b", "user_invalid"),
            ("a/b", "user_invalid"),
            ("a\\b", "user_invalid"),
            ("a@b", "user_invalid"),
            ("a\u{0}b", "user_invalid"),
            ("a\nb", "user_invalid"),
            ("a\u{202e}b", "user_invalid"),
            ("a\u{200b}b", "user_invalid"),
            ("a\u{ff0c}b", "user_invalid"),
            ("a\u{3000}b", "user_invalid"),
        ] {
            assert_eq!(Username::parse(name).unwrap_err().code(), code, "{name:?}");
        }
        assert!(Username::parse(&"é".repeat(64)).is_ok());
        assert!(Username::parse("愛 🦀 O'Neil_42").is_ok());
    }

    #[test]
    fn a_short_name_has_no_long_key() {
        // One character that stands for 18, in 33 bytes.
        let ligatures = |count: usize| "\u{fdfa}".repeat(count);
        assert_eq!(Username::parse(&ligatures(7)).unwrap().key().len(), 7 * 33);
        for count in [8, 64] {
            assert_eq!(Username::parse(&ligatures(count)).unwrap_err().code(), "user_too_long");
        }
        assert_eq!(Username::parse(&"🦀".repeat(64)).unwrap().key().len(), MAX_KEY_BYTES);
    }

    #[test]
    fn a_guest_who_repeats_a_post_has_the_same_name() {
        assert_eq!(Username::guest(Some("k1")), Username::guest(Some("k1")));
        assert_ne!(Username::guest(Some("k1")), Username::guest(Some("k2")));
        assert_ne!(Username::guest(None), Username::guest(None));
    }
}
