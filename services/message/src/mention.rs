//! Mentions: `@name` in a message.

use std::collections::BTreeSet;

use crate::username::fold;

/// The longest name, in characters.
const MAX_NAME: usize = crate::username::Username::MAX_CHARS;

/// What may be names after an `@` at the beginning of a word: one word each, folded. Whether
/// someone has such a name is for the caller to find out.
pub fn words(content: &str) -> BTreeSet<String> {
    after_at(content)
        .map(|rest| {
            let end = rest.find(|c: char| c.is_whitespace() || ":,/\\@".contains(c));
            let word = &rest[..end.unwrap_or(rest.len())];
            fold(word.trim_end_matches(|c: char| c.is_ascii_punctuation() && c != '_'))
        })
        .filter(|word| !word.is_empty() && word.chars().count() <= MAX_NAME)
        .collect()
}

/// Which of these keys are mentioned. Names may have spaces, so each is looked for at each `@`.
pub fn among<'a>(content: &str, keys: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let places: Vec<String> = after_at(content)
        .map(|rest| fold(&rest.chars().take(MAX_NAME + 1).collect::<String>()))
        .collect();
    let mentioned = |key: &&str| {
        places.iter().any(|place| {
            place
                .strip_prefix(key)
                .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
        })
    };
    keys.into_iter().filter(mentioned).collect()
}

/// What follows each `@` that does not stand inside a word, as the one in an address does.
fn after_at(content: &str) -> impl Iterator<Item = &str> {
    content.match_indices('@').filter_map(|(at, _)| {
        let inside = content[..at].ends_with(|c: char| c.is_alphanumeric());
        (!inside).then(|| &content[at + 1..])
    })
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
    fn words_are_candidates() {
        let found: Vec<_> = words("@Alice: see @bob's, a@b, @ and @x.y!").into_iter().collect();
        assert_eq!(found, ["alice", "bob's", "x.y"]);
    }
}
