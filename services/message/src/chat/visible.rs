//! What can be seen of a text.

use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{CanonicalCombiningClass, DefaultIgnorableCodePoint, JoiningType},
};
use unicode_segmentation::UnicodeSegmentation;

use super::emoji::is_emoji;

/// Whether a character shows nothing: what Unicode has programs ignore that do not know it,
/// separators and signs of annotations, and two characters that are empty.
pub(crate) fn is_invisible(c: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{fff9}'..='\u{ffff}')
        // A pattern of Braille without a point, and a note without a head.
        || matches!(c, '\u{2800}' | '\u{1d159}')
}

/// Whether nothing of a text can be seen.
pub(crate) fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || is_invisible(c))
}

/// Whether something in a line is there that cannot be seen, and makes it look like another one or
/// turns it around. What belongs to an emoji, or to the spelling of a word, does not.
pub(crate) fn misleads(text: &str) -> bool {
    text.graphemes(true).filter(|part| !is_emoji(part)).any(|part| {
        let mut before = None;
        part.chars().any(|c| {
            let spells = matches!(c, '\u{200c}' | '\u{200d}') && before.is_some_and(joins);
            before = Some(c);
            c.is_control() || is_invisible(c) && !spells
        })
    })
}

/// Whether a joiner after this letter changes what is seen (as in RFC 5892, A.1 and A.2).
fn joins(letter: char) -> bool {
    let class = CodePointMapData::<CanonicalCombiningClass>::new().get(letter);
    let joining = CodePointMapData::<JoiningType>::new().get(letter);
    class == CanonicalCombiningClass::Virama || joining == JoiningType::DualJoining
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_misleads_unless_it_belongs_to_what_is() {
        for text in ["Zoë", "❤️ 👩\u{200d}💻 1️⃣", "ක\u{dca}\u{200d}ර", "می\u{200c}خواهم", "🇩🇪"]
        {
            assert!(!misleads(text), "{text:?}");
        }
        for text in [
            "a\u{202e}b",
            "al\u{200d}ice",
            "al\u{200c}ice",
            "alice\u{fe0f}",
            "1\u{fe0f}",
            "a\u{2800}",
            "a\nb",
            "a\u{e0061}",
        ] {
            assert!(misleads(text), "{text:?}");
        }
        assert!(is_blank(" \u{2800}\u{fe0f}\u{3164}") && !is_blank("\u{2801}"));
    }
}
