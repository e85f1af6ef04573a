//! [`Guesses`]: how many wrong passwords a name may be tried with.

use std::{
    hash::{BuildHasher, RandomState},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use http_kit::{Rejection, rate};

/// Wrong passwords that are possible at once, and the time after which another one is. A guesser
/// has 8,650 tries a day for one name, from however many addresses; its owner waits 10 s.
const BURST: u64 = 10;
const PERIOD: Duration = Duration::from_secs(10);

/// Names share this many buckets. Two names in one share their allowance; which ones do, nobody
/// outside can know. More names take no more memory.
const BUCKETS: usize = 65_536;

/// A token bucket for each name, which only wrong passwords empty: a try takes a token before the
/// password is looked at, so that tries side by side do not get past it, and a right one puts it
/// back. Holds on loopback too, unlike the limit of an address.
pub struct Guesses {
    /// The time until which a bucket lacks tokens, in milliseconds after `start`.
    full_at: Box<[AtomicU64]>,
    start: Instant,
    hasher: RandomState,
}

/// A try under way.
#[must_use]
pub struct Guess<'a> {
    full_at: &'a AtomicU64,
}

impl Default for Guesses {
    fn default() -> Self {
        let full_at = (0..BUCKETS).map(|_| AtomicU64::new(0)).collect();
        Self { full_at, start: Instant::now(), hasher: RandomState::new() }
    }
}

impl Guesses {
    /// Takes a token of the name with this key, or refuses with 429 and the time to wait.
    pub fn take(&self, key: &str) -> Result<Guess<'_>, Rejection> {
        self.take_at(key, Instant::now())
    }

    fn take_at(&self, key: &str, now: Instant) -> Result<Guess<'_>, Rejection> {
        let period = PERIOD.as_millis() as u64;
        let now = now.saturating_duration_since(self.start).as_millis() as u64;
        let full_at = &self.full_at[self.hasher.hash_one(key) as usize % BUCKETS];
        let taken = full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
            let next = full_at.max(now) + period;
            (next <= now + BURST * period).then_some(next)
        });
        taken.map(|_| Guess { full_at }).map_err(|full_at| {
            let wait = full_at + period - BURST * period - now;
            let seconds = wait.div_ceil(1_000).max(1);
            rate::refusal("too many wrong passwords for this name", BURST as u32, seconds)
        })
    }
}

impl Guess<'_> {
    /// The password was right, or not looked at: the try does not count.
    pub fn forget(self) {
        let period = PERIOD.as_millis() as u64;
        let give_back = |full_at: u64| Some(full_at.saturating_sub(period));
        self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, give_back).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_ten_wrong_passwords_there_is_one_every_ten_seconds() {
        let guesses = Guesses::default();
        let start = guesses.start;
        for _ in 0..BURST {
            let _wrong = guesses.take_at("alice", start).unwrap();
        }
        let refused = guesses.take_at("alice", start).err().unwrap();
        assert_eq!((refused.status().as_u16(), refused.code()), (429, "rate_limited"));
        let later = start + PERIOD;
        let _wrong = guesses.take_at("alice", later).unwrap();
        assert!(guesses.take_at("alice", later).is_err());
        let bucket = |key: &str| guesses.hasher.hash_one(key) as usize % BUCKETS;
        let other = ["bob", "carol", "dave"].into_iter().find(|key| bucket(key) != bucket("alice"));
        assert!(guesses.take_at(other.unwrap(), start).is_ok());
    }

    #[test]
    fn right_passwords_do_not_count() {
        let guesses = Guesses::default();
        for _ in 0..10 * BURST {
            guesses.take_at("alice", guesses.start).unwrap().forget();
        }
        for _ in 0..BURST {
            let _wrong = guesses.take_at("alice", guesses.start).unwrap();
        }
        assert!(guesses.take_at("alice", guesses.start).is_err());
    }

    #[test]
    fn tries_side_by_side_do_not_get_past_it() {
        let guesses = Guesses::default();
        let guesses = &guesses;
        let let_in: usize = std::thread::scope(|scope| {
            let try_it = |_: &i32| guesses.take_at("alice", guesses.start).is_ok();
            let tries = move || (0..50).filter(try_it).count();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(tries)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(let_in, BURST as usize);
    }
}
