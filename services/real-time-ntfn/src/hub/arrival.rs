//! [`Arrival`]: a stream on its way, and the sessions that end meanwhile.
//!
//! Between the answer that somebody is who they say and the moment when their stream stands where
//! ends of sessions look for it, their session may end. Every stream is an arrival from before
//! anybody is asked until it stands there, and every end is kept until the oldest arrival that was
//! under way is over: nothing is checked and then used across a memory that could be flushed.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use common::event::SessionEnded;

use crate::event::scope::Scope;

/// The most ends that are kept. What an opening waits for has deadlines, so that only a storm of
/// sign-outs comes near it; whoever has been under way for longer than they reach back shows their
/// credential again.
const MOST: usize = 65_536;

/// Capacity that is not worth giving back.
const SPARE: usize = 256;

/// Why the sessions end of those for whom an end may have been missed.
const MISSED: &str = "expired";

/// Streams on their way. Clones are the same.
#[derive(Clone, Default)]
pub(super) struct Arrivals(Arc<Mutex<Ends>>);

#[derive(Default)]
struct Ends {
    kept: VecDeque<SessionEnded>,
    /// How many ended before the first of those.
    forgotten: u64,
    /// How often ends may have been missed, because there was a hole in the log.
    holes: u64,
    /// How many had ended when each arrival began that is under way.
    under_way: BTreeMap<u64, usize>,
}

/// A stream on its way, from before it is asked whose it is; over when dropped.
pub struct Arrival {
    ends: Arc<Mutex<Ends>>,
    since: u64,
    holes: u64,
}

impl Arrivals {
    /// Somebody comes.
    pub(super) fn begin(&self) -> Arrival {
        let mut ends = lock(&self.0);
        let since = ends.count();
        *ends.under_way.entry(since).or_default() += 1;
        Arrival { ends: self.0.clone(), since, holes: ends.holes }
    }

    /// A user's sessions are over.
    pub(super) fn end(&self, ended: &SessionEnded) {
        let mut ends = lock(&self.0);
        if ends.under_way.is_empty() {
            ends.forgotten += 1;
            return;
        }
        ends.kept.push_back(ended.clone());
        if ends.kept.len() > MOST {
            ends.forget(1);
        }
    }

    /// Nobody knows whose sessions have ended.
    pub(super) fn miss(&self) {
        lock(&self.0).holes += 1;
    }
}

impl Arrival {
    /// Why this scope's session has ended since the arrival began, if it has, or may have.
    pub fn end_of(&self, scope: &Scope) -> Option<String> {
        let session = scope.session()?;
        let ends = lock(&self.ends);
        // After a hole, as the streams that stand: a name that was only said is nobody's credential.
        let was_shown = ends.holes > self.holes && session.authenticated;
        if was_shown || ends.forgotten > self.since {
            return Some(MISSED.to_owned());
        }
        let from = usize::try_from(self.since - ends.forgotten).unwrap_or(usize::MAX);
        let since = ends.kept.range(from.min(ends.kept.len())..);
        since.into_iter().find(|ended| session.is_ended_by(ended)).map(|ended| ended.reason.clone())
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        let mut ends = lock(&self.ends);
        if let Some(count) = ends.under_way.get_mut(&self.since) {
            *count -= 1;
            if *count == 0 {
                ends.under_way.remove(&self.since);
            }
        }
        let oldest = ends.under_way.first_key_value().map_or(u64::MAX, |(since, _)| *since);
        let needless = oldest.saturating_sub(ends.forgotten);
        ends.forget(needless);
    }
}

impl Ends {
    /// How many have ended.
    fn count(&self) -> u64 {
        self.forgotten + self.kept.len() as u64
    }

    /// Forgets the first of those that are kept.
    fn forget(&mut self, count: u64) {
        let count = usize::try_from(count).unwrap_or(usize::MAX).min(self.kept.len());
        self.kept.drain(..count);
        self.forgotten += count as u64;
        if self.kept.is_empty() {
            self.kept.shrink_to(SPARE);
        }
    }
}

fn lock(ends: &Mutex<Ends>) -> MutexGuard<'_, Ends> {
    ends.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(user: &str) -> SessionEnded {
        SessionEnded { user: user.to_owned(), epoch: 1, reason: "signed_out".to_owned() }
    }

    fn kept(arrivals: &Arrivals) -> usize {
        lock(&arrivals.0).kept.len()
    }

    #[test]
    fn an_end_is_known_to_all_that_were_under_way_and_to_nobody_else() {
        let arrivals = Arrivals::default();
        let alice = Scope::public().with_user("alice");
        arrivals.end(&ended("alice"));
        assert_eq!(kept(&arrivals), 0, "nobody was under way");
        let first = arrivals.begin();
        assert_eq!(first.end_of(&alice), None);
        arrivals.end(&ended("alice"));
        let second = arrivals.begin();
        // As many as anybody likes: none pushes another one out.
        for number in 0..1_000 {
            arrivals.end(&ended(&format!("user {number}")));
        }
        assert_eq!(first.end_of(&alice).as_deref(), Some("signed_out"));
        assert_eq!(first.end_of(&Scope::public()), None);
        assert_eq!(second.end_of(&alice), None);
        drop(first);
        assert_eq!(kept(&arrivals), 1_000);
        drop(second);
        assert_eq!(kept(&arrivals), 0);
        assert_eq!(arrivals.begin().end_of(&alice), None);
    }

    #[test]
    fn where_an_end_may_have_been_missed_everybody_shows_their_credential_again() {
        let arrivals = Arrivals::default();
        let alice = Scope::public().with_user("alice");
        let before = arrivals.begin();
        arrivals.miss();
        let after = arrivals.begin();
        assert_eq!(before.end_of(&alice).as_deref(), Some("expired"));
        assert_eq!(before.end_of(&Scope::public()), None);
        assert_eq!(after.end_of(&alice), None);
        for _ in 0..=MOST {
            arrivals.end(&ended("bob"));
        }
        assert_eq!(kept(&arrivals), MOST);
        assert_eq!(after.end_of(&alice).as_deref(), Some("expired"));
        assert_eq!(arrivals.begin().end_of(&alice), None);
    }
}
