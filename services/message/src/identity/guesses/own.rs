//! [`Own`]: tries that a service counts in its memory, where there is no other one.

use std::{
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use http_kit::{Rejection, address};

use super::{Allowance, OF_ADDRESS, OF_NAME, refusal};

/// Names share this many buckets, and so do pairs of a name and an address. Two in one share their
/// allowance; which ones do, nobody outside can know. More names take no more memory.
const BUCKETS: usize = 65_536;

/// Buckets by name and address, and by name.
pub(super) struct Own {
    of_address: Buckets,
    of_name: Buckets,
    /// Pairs of a name and an address from which somebody has signed in, by their hash. A newer one
    /// may take the place of an older.
    known: Box<[AtomicU64]>,
    start: Instant,
    hasher: RandomState,
}

/// A try under way.
#[must_use]
pub(super) struct Try<'a> {
    taken: [Option<Token<'a>>; 2],
    known: &'a AtomicU64,
    pair: u64,
}

impl Default for Own {
    fn default() -> Self {
        Self {
            of_address: Buckets::new(OF_ADDRESS),
            of_name: Buckets::new(OF_NAME),
            known: zeros(),
            start: Instant::now(),
            hasher: RandomState::new(),
        }
    }
}

impl Own {
    pub(super) fn take(&self, key: &str, address: IpAddr) -> Result<Try<'_>, Rejection> {
        self.take_at(key, address, Instant::now())
    }

    fn take_at(&self, key: &str, address: IpAddr, now: Instant) -> Result<Try<'_>, Rejection> {
        let now = now.saturating_duration_since(self.start);
        let pair = self.hasher.hash_one((key, address::site(address)));
        let known = &self.known[pair as usize % BUCKETS];
        let of_address = self.of_address.take(pair, now)?;
        let of_name = if known.load(Ordering::Relaxed) == pair {
            None
        } else {
            let taken = self.of_name.take(self.hasher.hash_one(key), now);
            Some(taken.inspect_err(|_| of_address.give_back())?)
        };
        Ok(Try { taken: [Some(of_address), of_name], known, pair })
    }
}

impl Try<'_> {
    pub(super) fn succeed(self) {
        self.known.store(self.pair, Ordering::Relaxed);
        self.forget();
    }

    pub(super) fn forget(self) {
        self.taken.iter().flatten().for_each(Token::give_back);
    }
}

struct Buckets {
    allowance: Allowance,
    /// The time until which a bucket lacks tokens, in milliseconds since the start.
    full_at: Box<[AtomicU64]>,
}

/// What was taken from a bucket.
struct Token<'a> {
    full_at: &'a AtomicU64,
    period: u64,
}

impl Buckets {
    fn new(allowance: Allowance) -> Self {
        Self { allowance, full_at: zeros() }
    }

    fn take(&self, hash: u64, now: Duration) -> Result<Token<'_>, Rejection> {
        let Allowance { burst, period } = self.allowance;
        let (period, now) = (period.as_millis() as u64, now.as_millis() as u64);
        let full_at = &self.full_at[hash as usize % BUCKETS];
        let taken = full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
            let next = full_at.max(now) + period;
            (next <= now + burst * period).then_some(next)
        });
        taken.map(|_| Token { full_at, period }).map_err(|full_at| {
            let wait = full_at + period - burst * period - now;
            refusal(self.allowance, Duration::from_millis(wait))
        })
    }
}

impl Token<'_> {
    fn give_back(&self) {
        let give_back = |full_at: u64| Some(full_at.saturating_sub(self.period));
        self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, give_back).ok();
    }
}

fn zeros() -> Box<[AtomicU64]> {
    (0..BUCKETS).map(|_| AtomicU64::new(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u8) -> IpAddr {
        [203, 0, 113, number].into()
    }

    fn bucket(guesses: &Own, key: &str) -> usize {
        guesses.hasher.hash_one(key) as usize % BUCKETS
    }

    #[test]
    fn after_ten_wrong_passwords_there_is_one_every_ten_seconds() {
        let guesses = Own::default();
        let start = guesses.start;
        for _ in 0..OF_ADDRESS.burst {
            let _wrong = guesses.take_at("alice", address(1), start).unwrap();
        }
        let refused = guesses.take_at("alice", address(1), start).err().unwrap();
        assert_eq!((refused.status().as_u16(), refused.code()), (429, "rate_limited"));
        let later = start + OF_ADDRESS.period;
        let _wrong = guesses.take_at("alice", address(1), later).unwrap();
        assert!(guesses.take_at("alice", address(1), later).is_err());
        assert!(guesses.take_at("bob", address(1), start).is_ok());
    }

    #[test]
    fn one_address_that_guesses_does_not_keep_the_owner_out() {
        let guesses = Own::default();
        let mut wrong = 0;
        for second in 0..3_600 {
            let now = guesses.start + Duration::from_secs(second);
            for _ in 0..20 {
                wrong += u64::from(guesses.take_at("alice", address(1), now).is_ok());
            }
            // From an address that has never been seen.
            guesses.take_at("alice", address(2), now).unwrap().forget();
        }
        assert_eq!(wrong, OF_ADDRESS.burst + 3_599 / OF_ADDRESS.period.as_secs());
    }

    #[test]
    fn many_addresses_share_what_a_name_has_and_its_owner_is_let_in_where_they_were_before() {
        let guesses = Own::default();
        let start = guesses.start;
        guesses.take_at("alice", address(0), start).unwrap().succeed();
        let tries = (1..=200).filter(|n| guesses.take_at("alice", address(*n), start).is_ok());
        assert_eq!(tries.count() as u64, OF_NAME.burst);
        assert!(guesses.take_at("alice", address(201), start).is_err());
        guesses.take_at("alice", address(0), start).unwrap().succeed();
        // What was refused for the name has cost the address nothing.
        let later = start + OF_NAME.period * OF_ADDRESS.burst as u32;
        for _ in 0..OF_ADDRESS.burst {
            let _wrong = guesses.take_at("alice", address(201), later).unwrap();
        }
        // Others are not concerned.
        let mut others = ["bob", "carol", "dave"].into_iter();
        let other = others.find(|key| bucket(&guesses, key) != bucket(&guesses, "alice"));
        assert!(guesses.take_at(other.unwrap(), address(1), start).is_ok());
    }

    #[test]
    fn right_passwords_do_not_count() {
        let guesses = Own::default();
        for _ in 0..10 * OF_ADDRESS.burst {
            guesses.take_at("alice", address(1), guesses.start).unwrap().succeed();
        }
        for _ in 0..OF_ADDRESS.burst {
            let _wrong = guesses.take_at("alice", address(1), guesses.start).unwrap();
        }
        assert!(guesses.take_at("alice", address(1), guesses.start).is_err());
    }

    #[test]
    fn tries_side_by_side_do_not_get_past_it() {
        let guesses = Own::default();
        let guesses = &guesses;
        let let_in: usize = std::thread::scope(|scope| {
            let try_it = |_: &i32| guesses.take_at("alice", address(1), guesses.start).is_ok();
            let tries = move || (0..50).filter(try_it).count();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(tries)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(let_in, OF_ADDRESS.burst as usize);
    }
}
