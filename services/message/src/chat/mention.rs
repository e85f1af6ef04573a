//! Mentions: `@name` in a message.
//!
//! At each `@` the longest name is meant that there is, and that no letter, digit or `_` follows:
//! names have spaces and punctuation of their own. An `@` inside a word, an address or code calls
//! nobody. The web client shows the same (`linkify` in `static/lib/text.js`).

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    ops::Range,
};

use super::username::fold;

/// The longest name, in characters.
const MAX_NAME: usize = crate::chat::username::Username::MAX_CHARS;

/// How many places in a message are looked at. Each costs folding, in the writer; a message that
/// calls more people than this is for everybody.
const MAX_PLACES: usize = 50;

/// How many ends of a name are looked for at one place among all users: words, and punctuation that
/// may be its own.
const MAX_ENDS: usize = 8;

/// The sign, also in its full width.
const SIGNS: [char; 2] = ['@', '\u{ff20}'];

/// What may be names, folded. Whether somebody has them is for the caller to find out.
pub fn candidates(content: &str) -> BTreeSet<String> {
    let places = places(content);
    let names = places.iter().flat_map(|place| beginnings(place).into_iter().take(MAX_ENDS));
    names.map(str::to_owned).collect()
}

/// The names that are called, folded, each once, in their order; `is_known` says which there are.
pub fn called(content: &str, is_known: impl Fn(&str) -> bool) -> Vec<String> {
    let mut called = Vec::new();
    for place in places(content) {
        let longest = beginnings(&place).into_iter().rev().find(|name| is_known(name));
        if let Some(name) = longest.filter(|name| !called.iter().any(|it| it == name)) {
            called.push(name.to_owned());
        }
    }
    called
}

/// What may be a name at the beginning of a text, the shortest first.
fn beginnings(place: &str) -> Vec<&str> {
    if place.starts_with(' ') {
        return Vec::new();
    }
    let ends = place.char_indices().map(|(at, _)| at).chain([place.len()]);
    let is_end = |at: &usize| {
        let (name, rest) = place.split_at(*at);
        // A name and a server: an address of mail, or of a network of servers.
        let is_address = name.ends_with('@') || rest.starts_with('@');
        !name.is_empty() && !name.ends_with(' ') && !is_address && !rest.starts_with(is_of_word)
    };
    ends.filter(is_end).map(|at| &place[..at]).collect()
}

/// What follows each `@` that may call somebody, folded, and no longer than needs be. One character
/// more than a name has shows that a longer word is none.
fn places(content: &str) -> Vec<String> {
    let mut silent = [addresses(content), code(content)].map(VecDeque::from);
    let signs = content.match_indices(SIGNS).filter(|(at, _)| {
        let before = content[..*at].chars().next_back();
        let begins = before.is_none_or(|c| !is_of_word(c) && c != '/' && !SIGNS.contains(&c));
        begins && !silent.iter_mut().any(|ranges| is_within(ranges, *at))
    });
    let ends = |c: char| ":,/\\".contains(c) || c.is_whitespace() && c != ' ';
    let places = signs.map(|(at, sign)| {
        let rest = &content[at + sign.len()..];
        // With the next sign, which shows that what is before it is part of an address.
        let next =
            rest.match_indices(SIGNS).next().map_or(rest.len(), |(at, sign)| at + sign.len());
        let end = rest.find(ends).unwrap_or(rest.len());
        fold(&rest[..end.min(next)].chars().take(MAX_NAME + 1).collect::<String>())
    });
    places.take(MAX_PLACES).collect()
}

/// Whether a place lies in one of these ranges. Those before it are forgotten.
fn is_within(ranges: &mut VecDeque<Range<usize>>, at: usize) -> bool {
    while ranges.front().is_some_and(|range| range.end <= at) {
        ranges.pop_front();
    }
    ranges.front().is_some_and(|range| range.start <= at)
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Addresses of pages: from behind their scheme up to a space.
fn addresses(content: &str) -> Vec<Range<usize>> {
    let ends = |c: char| c.is_whitespace() || "<>\"".contains(c);
    let mut found: Vec<Range<usize>> = Vec::new();
    for (at, _) in content.match_indices("://") {
        if found.last().is_some_and(|range| at < range.end) {
            continue;
        }
        let end = content[at..].find(ends).map_or(content.len(), |length| at + length);
        found.push(at..end);
    }
    found
}

/// Code: what stands between two runs of as many backticks (CommonMark 0.31, section 6.1).
fn code(content: &str) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (at, _) in content.match_indices('`') {
        match runs.last_mut() {
            Some(run) if run.end == at => run.end = at + 1,
            _ => runs.push(at..at + 1),
        }
    }
    let mut of_length: HashMap<usize, VecDeque<usize>> = HashMap::new();
    for run in &runs {
        of_length.entry(run.len()).or_default().push_back(run.start);
    }
    let (mut code, mut end) = (Vec::new(), 0);
    for run in &runs {
        if run.start < end {
            continue;
        }
        let others = of_length.entry(run.len()).or_default();
        while others.front().is_some_and(|start| *start <= run.start) {
            others.pop_front();
        }
        if let Some(closing) = others.front() {
            end = closing + run.len();
            code.push(run.start..end);
        }
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 9] =
        ["alice", "ali", "ann", "ann lee", "john doe", "bob", "user", "user.name", "o'neil"];

    fn found(content: &str) -> Vec<String> {
        called(content, |name| NAMES.contains(&name))
    }

    #[test]
    fn the_longest_name_that_there_is_is_called_wherever_it_stands() {
        for (content, expected) in [
            ("hi @Alice, and @JOHN DOE!", &["alice", "john doe"][..]),
            ("@Ann Lee and @Ann", &["ann lee", "ann"]),
            ("@user.name", &["user.name"]),
            ("@user.nobody, @user.", &["user"]),
            ("“@bob”, (@bob) [@bob] 「@bob」、@bob。", &["bob"]),
            ("@bob's @alice’s", &["bob", "alice"]),
            ("＠bob！", &["bob"]),
            ("@o'neil's", &["o'neil"]),
            ("@bobby @bob_ @bob1 @bobé", &[]),
            ("@bob.", &["bob"]),
            ("*@bob* ~@ali~ #@ann", &["bob", "ali", "ann"]),
            ("@bob\n@ali\u{3000}@ann", &["bob", "ali", "ann"]),
            ("nobody, @, @ bob, @@bob", &[]),
        ] {
            assert_eq!(found(content), expected, "{content}");
        }
    }

    #[test]
    fn nobody_is_called_in_an_address_or_in_code() {
        for content in [
            "mail bob@ali.example",
            "@bob@server.example",
            "https://x.example/@bob and ftp://@bob.example",
            "HTTPS://bob:x@ali.example/?q=(@ann)",
            "see x.example/@bob",
            "`@bob`, ``a ` @bob``",
            "```\n@bob\n```",
        ] {
            assert_eq!(found(content), Vec::<String>::new(), "{content}");
        }
        // A backtick that nothing closes is one, and after an address comes a message.
        for content in [
            "it` is @bob",
            "``@bob`",
            "https://x.example @bob",
            "`a` @bob `b`",
            "@bob, write to x@y.example",
            "@bob write to x@y.example",
            "@bob @nobody@bob",
        ] {
            assert_eq!(found(content), ["bob"], "{content}");
        }
    }

    #[test]
    fn what_may_be_names_ends_where_words_and_punctuation_do() {
        for (content, expected) in [
            ("@Alice: see @bob's, a@b, @ and", &["alice", "bob", "bob's"][..]),
            ("@x.y!\n@_", &["_", "x", "x.y", "x.y!"]),
            ("@JOHN  Doe", &["john", "john  doe"]),
            ("hi @John Q. Doe", &["john", "john q", "john q.", "john q. doe"]),
            ("@...", &[".", "..", "..."]),
        ] {
            let found: Vec<_> = candidates(content).into_iter().collect();
            assert_eq!(found, expected, "{content}");
        }
        assert_eq!(candidates(&format!("@{}", "a.".repeat(60))).len(), MAX_ENDS);
        // Among those who are there, a name may have more.
        let long = "j. r. r. q. v. w. x. y. z";
        assert_eq!(called(&format!("@{long}!"), |name| name == long), [long]);
    }

    #[test]
    fn only_the_first_places_of_a_message_are_looked_at() {
        let content: String = (0..1_000).map(|n| format!("@u{n}\n")).collect();
        assert_eq!(candidates(&content).len(), 50);
        assert_eq!(called(&content, |_| true).len(), 50);
        assert_eq!(places(&"@".repeat(4_000)).len(), 1);
        // Those inside words are no places.
        assert_eq!(called(&format!("{}@u7", "a@b ".repeat(100)), |_| true), ["u7"]);
        // Nor does it take long to find that out.
        let ticks: String = (1..180).map(|length| "`".repeat(length) + " ").collect();
        assert!(code(&ticks).is_empty());
        assert_eq!(code(&"` ".repeat(8_000)).len(), 4_000);
    }
}
