//! [`looks`]: what a name is taken for.

use std::collections::BTreeSet;

use unicode_security::confusable_detection::skeleton;

use super::{username::fold, visible::is_invisible};

/// The dot that letters have anyway which have one.
const DOT: char = '\u{307}';

/// What a name is taken for by somebody who reads it: names that share one of these are taken for each
/// other. They are skeletons of UTS #39, of what can be seen of the name: as it is written, and as it may be
/// written too, since case does not count: in small letters, in capitals, with a capital at the
/// beginning of each word. `AIice` is written like `Alice`, and `AL1CE` like `ALICE`.
///
/// Where letters of another script stand for some, their small ones may look like others: `Мaria` with a
/// Cyrillic М.
pub(crate) fn looks(name: &str) -> BTreeSet<String> {
    let mut looks: BTreeSet<_> =
        [name.to_owned(), fold(name), name.to_uppercase(), in_title_case(name)]
            .iter()
            .map(|written| look(written))
            .collect();
    if !name.is_ascii() {
        looks.insert(look(&fold(&look(name))));
    }
    looks
}

fn look(text: &str) -> String {
    let seen: String = text.chars().filter(|c| !is_invisible(*c)).collect();
    let mut look = String::with_capacity(seen.len());
    for c in skeleton(&seen) {
        // Of an i and a j the dot is seen once.
        if c != DOT || !look.ends_with(['i', 'j', 'l']) {
            look.push(c);
        }
    }
    look
}

fn in_title_case(name: &str) -> String {
    let mut is_first = true;
    let mut title = String::with_capacity(name.len());
    for c in fold(name).chars() {
        if is_first {
            title.extend(c.to_uppercase());
        } else {
            title.push(c);
        }
        is_first = c == ' ';
    }
    title
}

#[cfg(test)]
mod tests {
    use super::*;

    fn are_alike(one: &str, other: &str) -> bool {
        !looks(one).is_disjoint(&looks(other))
    }

    #[test]
    fn who_reads_a_name_takes_it_for_another() {
        for (one, other) in [
            ("alice", "ali\u{307}ce"),
            ("alice", "аlice"),
            ("alice", "alıce"),
            ("alice", "alı\u{307}ce"),
            ("alice", "alі\u{307}ce"),
            ("alice", "AIice"),
            ("Alice", "aIice"),
            ("alice", "AL1CE"),
            ("alice", "a1ice"),
            ("ALICE", "AIice"),
            ("maria", "Мaria"),
            ("admin", "AdМin"),
            ("Mike", "МIKE"),
            ("Tim", "ТIM"),
            ("❤\u{fe0f} Zoe", "❤ Zoe"),
            ("modern", "modem"),
            ("Paul", "Раul"),
            ("paul newman", "PauI Newman"),
        ] {
            assert!(are_alike(one, other), "{one} {other}: {:?} {:?}", looks(one), looks(other));
        }
        for (one, other) in [
            ("alice", "alicé"),
            ("alice", "alice2"),
            ("user-10", "user-11"),
            ("bob", "rob"),
            ("愛", "爱"),
            ("Zoë", "Zoe"),
            ("Neil", "Nell"),
            ("ali", "all"),
            ("Мария", "Марина"),
        ] {
            assert!(!are_alike(one, other), "{one} {other}: {:?} {:?}", looks(one), looks(other));
        }
    }
}
