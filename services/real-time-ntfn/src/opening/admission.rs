//! [`Admission`]: how many streams there may be.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use http_kit::{
    address::{BySite, Shares},
    connections::Place,
    rate::RateLimit,
};

use crate::people::presence::Attendance;

/// In how many seconds an address may open as many streams as it may have, in the long run; twice as many
/// at once, since all may come back. Opening costs more than having, most of all what a stream begins with.
const TURNOVER: u32 = 4;

/// However few it may have: whoever opens them by hand does not notice.
const LEAST_RATE: u32 = 8;
const LEAST_BURST: u32 = 64;

/// Counts streams, in all and by address. Clones count together.
#[derive(Clone)]
pub struct Admission {
    most: usize,
    most_per_address: usize,
    shares: Shares,
    rate: RateLimit,
    count: Arc<Mutex<Count>>,
}

#[derive(Default)]
struct Count {
    all: usize,
    by_site: BySite,
}

/// The right to hold one stream; given back when dropped.
pub struct Permit {
    address: IpAddr,
    count: Arc<Mutex<Count>>,
    /// Goes with the stream, however that ends.
    attendance: Option<Attendance>,
    /// The connection's, once its socket was taken over.
    _place: Option<Place>,
}

/// Why a stream is not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There are as many as there may be.
    Full,
    /// There are as many from this address as there may be.
    Address,
}

impl Admission {
    /// Admits `most` streams, or with 0 as many as are `possible`; and from one address
    /// `most_per_address`, or with 0 any number. Loopback addresses have no limit of their own,
    /// unless `limits_loopback`.
    pub fn new(
        most: usize,
        most_per_address: usize,
        possible: usize,
        limits_loopback: bool,
    ) -> Self {
        let most = if most == 0 { possible } else { most.min(possible) };
        let shares = Shares { by_address: most_per_address > 0, loopback: limits_loopback };
        let rate = match u32::try_from(most_per_address).unwrap_or(u32::MAX) {
            0 => RateLimit::new(0, 0),
            most => RateLimit::new(
                (most / TURNOVER).max(LEAST_RATE),
                most.saturating_mul(2).max(LEAST_BURST),
            ),
        };
        let rate = rate.limiting(limits_loopback);
        Self { most, most_per_address, shares, rate, count: Arc::default() }
    }

    /// How often an address may open a stream, or have one begin anew.
    pub fn rate(&self) -> &RateLimit {
        &self.rate
    }

    /// The most streams at once.
    pub fn most(&self) -> usize {
        self.most
    }

    /// How many there are, those on their way included. A stream is counted once wherever it is.
    pub fn streams(&self) -> usize {
        lock(&self.count).all
    }

    /// Admits one more stream from this address, or says why not.
    pub fn admit(&self, address: IpAddr) -> Result<Permit, Refusal> {
        self.rate.take(address).map_err(|_| Refusal::Address)?;
        let mut count = lock(&self.count);
        if count.all >= self.most {
            return Err(Refusal::Full);
        }
        if self.shares.bound(address) && count.by_site.of(address) >= self.most_per_address {
            return Err(Refusal::Address);
        }
        count.by_site.add(address, 1);
        count.all += 1;
        Ok(Permit { address, count: self.count.clone(), attendance: None, _place: None })
    }
}

impl Permit {
    /// Where the stream comes from.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Somebody is there for as long as the stream is.
    pub fn with(mut self, attendance: Option<Attendance>) -> Self {
        self.attendance = attendance;
        self
    }

    /// The stream has the socket of a connection, which counts for as long.
    pub fn on(mut self, place: Option<Place>) -> Self {
        self._place = place;
        self
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut count = lock(&self.count);
        count.all -= 1;
        count.by_site.remove(self.address, 1);
    }
}

fn lock(count: &Mutex<Count>) -> MutexGuard<'_, Count> {
    count.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_its_stream_ends() {
        let (one, other): (IpAddr, IpAddr) =
            ("203.0.113.1".parse().unwrap(), "203.0.113.2".parse().unwrap());
        let admission = Admission::new(3, 2, 1_000, false);
        let first = admission.admit(one).ok().unwrap();
        let _second = admission.admit(one).ok().unwrap();
        assert_eq!(admission.admit(one).err(), Some(Refusal::Address));
        let _third = admission.admit(other).ok().unwrap();
        assert_eq!(admission.streams(), 3);
        assert_eq!(admission.admit(other).err(), Some(Refusal::Full));
        drop(first);
        assert!(admission.admit(one).is_ok());
    }

    #[test]
    fn who_opens_and_leaves_all_the_time_has_to_wait_and_others_do_not() {
        let admission = Admission::new(1_000, 8, 1_000, false);
        let open = |address: &str| admission.admit(address.parse().unwrap());
        // Each is given back at once.
        let opened = (0..1_000).take_while(|_| open("203.0.113.1").is_ok()).count();
        assert!((64..1_000).contains(&opened), "{opened}");
        assert!((0..16).all(|_| open("203.0.113.2").is_ok()));
        assert!((0..1_000).all(|_| open("127.0.0.1").is_ok()), "a proxy may be everybody");
        let unbound = Admission::new(1_000, 0, 1_000, true);
        assert!((0..1_000).all(|_| unbound.admit([127, 0, 0, 1].into()).is_ok()));
    }

    #[test]
    fn open_files_bound_the_streams() {
        assert_eq!(Admission::new(0, 0, 1_000, false).most(), 1_000);
        assert_eq!(Admission::new(5_000, 0, 1_000, false).most(), 1_000);
        assert_eq!(Admission::new(10, 0, 1_000, false).most(), 10);
    }
}
