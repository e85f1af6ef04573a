//! [`Username`]: what a user is called, and by which two users are told apart.

use std::fmt;

/// A name as it is compared.
pub(crate) use common::name::key as fold;
use common::{internal::UserRef, name::MAX_KEY_BYTES};
use http_kit::Rejection;
use icu_properties::{CodePointSetData, props::EmojiPresentation};

use super::{
    emoji::{AS_PICTURE, is_pictographic},
    visible::is_invisible,
};

/// A name of 1–64 printable characters with single inner spaces and none of `: , / \ @`; not `.` or
/// `..`, which mean something else in addresses, as `me` does in those of users.
///
/// Shown as its owner wrote it; compared by its [`key`](Username::key), which has at most
/// [`MAX_KEY_BYTES`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Username {
    shown: String,
    key: String,
}

/// Whoever asks, in the addresses of users.
pub(crate) const ME: &str = "me";

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
        if shown.contains("  ") || !is_allowed_text(shown) {
            return refuse(
                "user_invalid",
                "a name has printable characters and single spaces, none of : , / \\ @",
            );
        }
        let key = fold(shown);
        // Compatibility forms may hide what is not allowed: a fullwidth comma, an ideographic space.
        if key.is_empty() || key.trim() != key || !is_allowed_text(&key) {
            return refuse("user_invalid", "a name has no look-alikes of : , / \\ @ or spaces");
        }
        if key.len() > MAX_KEY_BYTES {
            return refuse(
                "user_too_long",
                "a name has at most 256 bytes where characters that stand for several are spelled out",
            );
        }
        match &*key {
            "." | ".." => {
                refuse("user_invalid", "a name is more than dots: no address could have it")
            }
            ME => refuse("user_reserved", "me is whoever asks: choose another name"),
            _ => Ok(Self { shown: shown.to_owned(), key }),
        }
    }

    /// A name for someone who gave none.
    ///
    /// Made from the message's own key where there is one, so that a repeated post has the same
    /// sender and is recognised, or from the connection, so that all that comes over it has; else at
    /// random.
    pub fn guest(of: Option<&str>) -> Self {
        let number = match of {
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

/// Names must not look alike and differ.
fn is_allowed_text(text: &str) -> bool {
    let mut before = None;
    text.chars().all(|c| {
        let as_picture = c == AS_PICTURE && before.is_some_and(is_character_too);
        before = Some(c);
        as_picture || is_allowed(c)
    })
}

/// Whether an emoji is seen as a character unless the picture is asked for: ❤, but not 🦀.
fn is_character_too(c: char) -> bool {
    is_pictographic(c) && !CodePointSetData::new::<EmojiPresentation>().contains(c)
}

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
            ("\u{2800}", "user_invalid"),
            (".", "user_invalid"),
            (" .. ", "user_invalid"),
            ("\u{2025}", "user_invalid"),
            ("\u{2024}", "user_invalid"),
            ("Me", "user_reserved"),
        ] {
            assert_eq!(Username::parse(name).unwrap_err().code(), code, "{name:?}");
        }
        assert!(Username::parse(&"é".repeat(64)).is_ok());
        assert!(Username::parse("愛 🦀 O'Neil_42").is_ok());
        assert!(Username::parse("...").is_ok() && Username::parse("..a").is_ok());
    }

    #[test]
    fn no_name_looks_like_another_one_and_differs() {
        for invisible in [
            '\u{fe00}',
            '\u{fe0e}',
            '\u{fe0f}',
            '\u{2800}',
            '\u{180f}',
            '\u{1bca0}',
            '\u{1d159}',
            '\u{1d173}',
            '\u{3164}',
            '\u{e0061}',
            '\u{e0100}',
        ] {
            for name in [format!("alice{invisible}"), format!("al{invisible}ice")] {
                assert_eq!(Username::parse(&name).unwrap_err().code(), "user_invalid", "{name:?}");
            }
        }
        for name in ["1\u{fe0f}", "🦀\u{fe0f}", "™\u{fe0f}", "❤\u{fe0f}\u{fe0f}"] {
            assert_eq!(Username::parse(name).unwrap_err().code(), "user_invalid", "{name:?}");
        }
        assert!(Username::parse("❤\u{fe0f} Zoë").is_ok());
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
