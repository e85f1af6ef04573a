//! [`Guesses`]: how many wrong passwords a name may be tried with.

use std::{
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use http_kit::{Rejection, address, rate};

/// What one address may try for one name: its owner who mistypes waits 10 s, a guesser has 8,650
/// tries a day.
const OF_ADDRESS: Allowance = Allowance { burst: 10, period: Duration::from_secs(10) };

/// What all addresses together may try for one name. It takes many of them to use it up, and then
/// the owner still gets in from where they have signed in before.
const OF_NAME: Allowance = Allowance { burst: 50, period: Duration::from_secs(5) };

/// Names share this many buckets, and so do pairs of a name and an address. Two in one share their
/// allowance; which ones do, nobody outside can know. More names take no more memory.
const BUCKETS: usize = 65_536;

/// Token buckets that only wrong passwords empty: a try takes a token before the password is looked
/// at, so that tries side by side do not get past it, and a right one puts it back. Holds on loopback
/// too, unlike other limits of an address.
pub struct Guesses {
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
pub struct Guess<'a> {
    taken: [Option<Token<'a>>; 2],
    known: &'a AtomicU64,
    pair: u64,
}

impl Default for Guesses {
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

impl Guesses {
    /// Takes a token for a try of the name with this key from an address, or refuses with 429 and the
    /// time to wait.
    pub fn take(&self, key: &str, address: IpAddr) -> Result<Guess<'_>, Rejection> {
        self.take_at(key, address, Instant::now())
    }

    fn take_at(&self, key: &str, address: IpAddr, now: Instant) -> Result<Guess<'_>, Rejection> {
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
        Ok(Guess { taken: [Some(of_address), of_name], known, pair })
    }
}

impl Guess<'_> {
    /// The password was right: the try does not count, and others' tries do not keep this address out.
    pub fn is_right(self) {
        self.known.store(self.pair, Ordering::Relaxed);
        self.forget();
    }

    /// The password was not looked at: the try does not count.
    pub fn forget(self) {
        self.taken.iter().flatten().for_each(Token::give_back);
    }
}

/// How many at once, and after which time there is another one.
#[derive(Clone, Copy)]
struct Allowance {
    burst: u64,
    period: Duration,
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
            let seconds = wait.div_ceil(1_000).max(1);
            rate::refusal("too many wrong passwords for this name", burst as u32, seconds)
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

    fn bucket(guesses: &Guesses, key: &str) -> usize {
        guesses.hasher.hash_one(key) as usize % BUCKETS
    }

    #[test]
    fn after_ten_wrong_passwords_there_is_one_every_ten_seconds() {
        let guesses = Guesses::default();
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
        let guesses = Guesses::default();
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
        let guesses = Guesses::default();
        let start = guesses.start;
        guesses.take_at("alice", address(0), start).unwrap().is_right();
        let tries = (1..=200).filter(|n| guesses.take_at("alice", address(*n), start).is_ok());
        assert_eq!(tries.count() as u64, OF_NAME.burst);
        assert!(guesses.take_at("alice", address(201), start).is_err());
        guesses.take_at("alice", address(0), start).unwrap().is_right();
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
        let guesses = Guesses::default();
        for _ in 0..10 * OF_ADDRESS.burst {
            guesses.take_at("alice", address(1), guesses.start).unwrap().is_right();
        }
        for _ in 0..OF_ADDRESS.burst {
            let _wrong = guesses.take_at("alice", address(1), guesses.start).unwrap();
        }
        assert!(guesses.take_at("alice", address(1), guesses.start).is_err());
    }

    #[test]
    fn tries_side_by_side_do_not_get_past_it() {
        let guesses = Guesses::default();
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
