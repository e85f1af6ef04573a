//! What an emoji is (UTS #51, 1.4.9), without the list of those that fonts happen to have.

use icu_properties::{
    CodePointSetData,
    props::{Emoji, EmojiModifier, EmojiPresentation, ExtendedPictographic, RegionalIndicator},
};
use unicode_segmentation::UnicodeSegmentation;

const JOINER: char = '\u{200d}';
/// Asks for the picture rather than the character.
pub(crate) const AS_PICTURE: char = '\u{fe0f}';
const KEYCAP: char = '\u{20e3}';

/// Whether a text is one emoji: a picture or several that are joined, a flag, or a key.
pub(crate) fn is_emoji(text: &str) -> bool {
    if text.graphemes(true).nth(1).is_some() {
        return false;
    }
    is_flag(text) || is_key(text) || text.split(JOINER).all(is_picture)
}

/// The one form of an emoji, whichever it was sent in: that of Unicode's `emoji-test.txt`. What is seen as
/// a character unless the picture is asked for asks for it, and nothing else does.
pub(crate) fn canonical(emoji: &str) -> String {
    let (all, pictures) =
        (CodePointSetData::new::<Emoji>(), CodePointSetData::new::<EmojiPresentation>());
    let tones = CodePointSetData::new::<EmojiModifier>();
    let mut canonical = String::with_capacity(emoji.len());
    let mut rest = emoji.chars().filter(|c| *c != AS_PICTURE).peekable();
    while let Some(c) = rest.next() {
        canonical.push(c);
        let has_tone = rest.peek().is_some_and(|next| tones.contains(*next));
        if all.contains(c) && !pictures.contains(c) && !has_tone {
            canonical.push(AS_PICTURE);
        }
    }
    canonical
}

/// Whether a character is a picture.
pub(crate) fn is_pictographic(c: char) -> bool {
    CodePointSetData::new::<ExtendedPictographic>().contains(c)
}

/// Two letters of a country.
fn is_flag(text: &str) -> bool {
    let letters = CodePointSetData::new::<RegionalIndicator>();
    text.chars().count() == 2 && text.chars().all(|c| letters.contains(c))
}

fn is_key(text: &str) -> bool {
    let Some(text) = text.strip_suffix(KEYCAP) else {
        return false;
    };
    let key = text.strip_suffix(AS_PICTURE).unwrap_or(text);
    matches!(key.as_bytes(), [b'0'..=b'9' | b'#' | b'*'])
}

/// One picture, with a skin tone or whatever else belongs to it.
fn is_picture(text: &str) -> bool {
    let mut rest = text.chars();
    let pictographic = rest.next().is_some_and(is_pictographic);
    let modifiers = CodePointSetData::new::<EmojiModifier>();
    let tone = |c: char| c == AS_PICTURE || modifiers.contains(c);
    let rest = rest.as_str().strip_prefix(tone).unwrap_or(rest.as_str());
    // The flags of regions spell their names in tags, up to one that ends them.
    let tags = rest.strip_suffix('\u{e007f}').is_some_and(|tags| {
        !tags.is_empty() && tags.chars().all(|c| ('\u{e0020}'..='\u{e007e}').contains(&c))
    });
    pictographic && (rest.is_empty() || tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emoji_has_one_form() {
        // Those of emoji-test.txt, and without what asks for the picture.
        for emoji in [
            "👍",
            "👍🏽",
            "❤️",
            "👨‍👩‍👧‍👦",
            "❤️‍🔥",
            "🏳️‍🌈",
            "🇩🇪",
            "1️⃣",
            "#️⃣",
            "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
            "🕵️‍♂️",
            "🕵🏽‍♂️",
            "☝🏿",
            "☺️",
            "👁️‍🗨️",
            "🏃🏽‍♀️‍➡️",
            "©️",
            "⛹️‍♀️",
            "🐻‍❄️",
        ] {
            let bare: String = emoji.chars().filter(|c| *c != AS_PICTURE).collect();
            for written in [emoji, &bare, &format!("{bare}{AS_PICTURE}")] {
                assert_eq!(canonical(written), emoji, "{written:?}");
            }
        }
    }

    #[test]
    fn emoji_are_pictures_flags_and_keys() {
        for emoji in ["👍", "👍🏽", "❤️", "❤", "👨‍👩‍👧‍👦", "❤️‍🔥", "🏳️‍🌈", "🇩🇪", "1️⃣", "#⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"]
        {
            assert!(is_emoji(emoji), "{emoji}");
        }
        for text in [
            "",
            "a",
            "1",
            "1\u{fe0f}",
            "é",
            "€",
            "—",
            "👍👍",
            "👍 👍",
            "👍\n",
            "👍\u{200b}",
            "👍\u{202e}",
            "👍\u{200d}",
            "👍\u{301}",
            "👍\u{fe0f}\u{fe0f}",
            "👍a",
            "\u{1f1e9}",
            "🇩🇪🇫🇷",
            "\u{202e}",
            "\u{200b}",
            "\u{301}",
            "\u{fe0f}",
            "\u{20e3}",
            "\u{e0067}\u{e007f}",
            "🏴\u{e007f}",
        ] {
            assert!(!is_emoji(text), "{text:?}");
        }
    }
}
