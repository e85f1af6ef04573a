//! [`Unprotected`]: a name that was anybody's a moment ago, as the message service said.
//!
//! A program beside this service that notifies again and again does so in one name. Were each of its
//! notifications to wait for an answer about that name, they would come one hop apart, and all
//! streams would be written to for each of them alone.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How long an answer holds, since it was asked for. For as long may programs that need not sign still
/// use a name that has just become somebody's, looks like one that has, or is of somebody who has just
/// been shut out.
const HOLDS: Duration = Duration::from_secs(1);

/// The last name of which that was said.
#[derive(Default)]
pub(super) struct Unprotected(Mutex<Option<(String, Instant)>>);

impl Unprotected {
    pub(super) fn holds(&self, name: &str, now: Instant) -> bool {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().is_some_and(|(known, asked)| {
            known == name && now.saturating_duration_since(*asked) < HOLDS
        })
    }

    pub(super) fn note(&self, name: &str, asked: Instant) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some((name.to_owned(), asked));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_holds_for_its_name_and_for_a_moment() {
        let (names, now) = (Unprotected::default(), Instant::now());
        assert!(!names.holds("deploy", now));
        names.note("deploy", now);
        assert!(names.holds("deploy", now) && names.holds("deploy", now + HOLDS / 2));
        assert!(!names.holds("Deploy", now), "only what was asked about, as it was written");
        assert!(!names.holds("deploy", now + HOLDS));
        names.note("build", now);
        assert!(names.holds("build", now) && !names.holds("deploy", now));
    }
}
