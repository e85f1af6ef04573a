//! [`Peer`]: one of several message services, and whether it has answered of late.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// One of several message services.
pub(super) struct Peer {
    pub(super) base_url: String,
    /// How often in a row it has not answered, and until when it is asked last.
    state: Mutex<(u32, Option<Instant>)>,
}

/// How long a service that has not answered is asked last: as often as that has happened in a row, but not longer
/// than a minute.
const REST: Duration = Duration::from_secs(5);
const MOST_RESTS: u32 = 12;

/// How long one of several has to answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

impl Peer {
    pub(super) fn new(base_url: &str) -> Self {
        Self { base_url: base_url.to_owned(), state: Mutex::default() }
    }

    /// All of them, from any one on; those that have not answered a moment ago last. Says which is the last one.
    pub(super) fn in_turn(peers: &[Self]) -> impl Iterator<Item = (&Self, bool)> {
        let first = if peers.len() > 1 { rand::random_range(0..peers.len()) } else { 0 };
        let mut turn: Vec<_> = peers.iter().cycle().skip(first).take(peers.len()).collect();
        let now = Instant::now();
        turn.sort_by_cached_key(|peer| peer.lock().1.filter(|until| *until > now));
        let last = turn.len().saturating_sub(1);
        turn.into_iter().enumerate().map(move |(number, peer)| (peer, number == last))
    }

    /// It has not answered; returns whether it did before.
    pub(super) fn failed(&self) -> bool {
        let (times, until) = &mut *self.lock();
        *times = times.saturating_add(1);
        *until = Some(Instant::now() + REST * (*times).min(MOST_RESTS));
        *times == 1
    }

    /// It has answered; returns whether it did not before.
    pub(super) fn answered(&self) -> bool {
        let mut state = self.lock();
        std::mem::take(&mut *state).0 > 0
    }

    fn lock(&self) -> MutexGuard<'_, (u32, Option<Instant>)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
