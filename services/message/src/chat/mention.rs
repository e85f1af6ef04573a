//! Mentions: `@name` in a message.

use std::collections::BTreeSet;

use super::username::fold;

/// The longest name, in characters.
const MAX_NAME: usize = crate::chat::username::Username::MAX_CHARS;

/// How many places in a message are looked at. Each costs folding, in the writer; a message that
/// calls more people than this is for everybody.
const MAX_PLACES: usize = 50;

/// The most words of a name that is looked for among all users.
const MAX_WORDS: usize = 3;

/// What may be names after an `@` at the beginning of a word, folded: one to three words, with what
/// punctuation follows them and without. Whether someone has such a name is for the caller to find
/// out.
pub fn candidates(content: &str) -> BTreeSet<String> {
    places(content).iter().flat_map(|place| beginnings(place)).map(str::to_owned).collect()
}

fn beginnings(place: &str) -> Vec<&str> {
    let ends_name = |c: char| ":,/\\@".contains(c) || c.is_whitespace() && c != ' ';
    let place = &place[..place.find(ends_name).unwrap_or(place.len())];
    let ends = place.match_indices(' ').map(|(at, _)| at).chain([place.len()]);
    let words = ends.take(MAX_WORDS).map(|end| &place[..end]);
    // Names have single inner spaces.
    let words = words.take_while(|words| !words.is_empty() && !words.ends_with(' '));
    let bare =
        |words: &str| words.trim_end_matches(|c: char| c.is_ascii_punctuation() && c != '_').len();
    let found = words.flat_map(|words| [words, &words[..bare(words)]]);
    found.filter(|name| !name.is_empty() && !name.ends_with(' ')).collect()
}

/// Which of these keys are mentioned. Names may have spaces, so each is looked for at each `@`.
pub fn among<'a>(content: &str, keys: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let places = places(content);
    let mentioned = |key: &&str| {
        places.iter().any(|place| {
            place
                .strip_prefix(key)
                .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
        })
    };
    keys.into_iter().filter(mentioned).collect()
}

/// What follows each `@` that does not stand inside a word, as the one in an address does: folded,
/// and longer than any name, so that the beginning of a longer word is not taken for one.
fn places(content: &str) -> Vec<String> {
    let at = content.match_indices('@').filter_map(|(at, _)| {
        let inside = content[..at].ends_with(|c: char| c.is_alphanumeric());
        (!inside).then(|| &content[at + 1..])
    });
    at.take(MAX_PLACES)
        .map(|rest| fold(&rest.chars().take(MAX_NAME + 1).collect::<String>()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_whole_folded_and_at_the_beginning_of_words() {
        let keys = ["alice", "ali", "john doe", "bob"];
        assert_eq!(among("hi @Alice, and @JOHN DOE!", keys), ["alice", "john doe"]);
        assert_eq!(among("mail bob@ali.example", keys), Vec::<&str>::new());
        assert_eq!(among("@bobby @bob_ @bob.", keys), ["bob"]);
        assert_eq!(among("nobody", keys), Vec::<&str>::new());
    }

    #[test]
    fn one_to_three_words_are_candidates_with_their_punctuation_and_without() {
        for (content, expected) in [
            ("@Alice: see @bob's, a@b, @ and", &["alice", "bob's"][..]),
            ("@x.y!\n@_", &["_", "x.y", "x.y!"]),
            ("@JOHN  Doe", &["john"]),
            ("hi @John Q. Doe there", &["john", "john q", "john q.", "john q. doe"]),
            ("@...", &["..."]),
        ] {
            let found: Vec<_> = candidates(content).into_iter().collect();
            assert_eq!(found, expected, "{content}");
        }
    }

    #[test]
    fn only_the_first_places_of_a_message_are_looked_at() {
        let content: String = (0..1_000).map(|n| format!("@u{n}\n")).collect();
        assert_eq!(candidates(&content).len(), 50);
        let keys: Vec<_> = (0..1_000).map(|n| format!("u{n}")).collect();
        assert_eq!(among(&content, keys.iter().map(String::as_str)).len(), 50);
        assert_eq!(places(&"@".repeat(4_000)).len(), 50);
        // Those inside words are no places.
        assert_eq!(among(&format!("{}@u7", "a@b ".repeat(100)), ["u7"]), ["u7"]);
    }
}
