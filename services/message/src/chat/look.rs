//! [`looks`]: what a name is taken for.

use unicode_security::confusable_detection::skeleton;

use super::{username::fold, visible::is_invisible};

/// The dot that letters have anyway which have one.
const DOT: char = '\u{307}';

/// What a name is taken for by somebody who reads it: names that share one of these are taken for each
/// other. They are the skeletons of UTS #39, of the name as it is written and without its case, both
/// without what cannot be seen: `AIice` is written like `Alice`, `ALICE` is the same but for the case.
pub(crate) fn looks(name: &str) -> Vec<String> {
    let mut looks = vec![look(name), look(&fold(name))];
    looks.dedup();
    looks
}

fn look(text: &str) -> String {
    let mut seen = String::with_capacity(text.len());
    for c in text.chars().filter(|c| !is_invisible(*c)) {
        if c != DOT || !seen.ends_with(['i', 'j']) {
            seen.push(c);
        }
    }
    fold(&skeleton(&seen).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn are_alike(one: &str, other: &str) -> bool {
        looks(one).iter().any(|look| looks(other).contains(look))
    }

    #[test]
    fn who_reads_a_name_takes_it_for_another() {
        for (one, other) in [
            ("alice", "ali\u{307}ce"),
            ("alice", "аlice"),
            ("alice", "alıce"),
            ("alice", "AIice"),
            ("Alice", "AIice"),
            ("ALICE", "a1ice"),
            ("❤\u{fe0f} Zoe", "❤ Zoe"),
            ("modern", "modem"),
            ("Paul", "Раul"),
        ] {
            assert!(are_alike(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("alice", "alicé"),
            ("alice", "alice2"),
            ("user-10", "user-11"),
            ("bob", "rob"),
            ("愛", "爱"),
            ("Zoë", "Zoe"),
        ] {
            assert!(!are_alike(one, other), "{one} {other}");
        }
    }
}
