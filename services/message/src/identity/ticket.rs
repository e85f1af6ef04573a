//! [`Tickets`]: what opens a stream once, where no header can be set.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use common::internal::UserRef;
use http_kit::Rejection;
use sha2::{Digest, Sha256};

/// How long a ticket can be used. Tickets stand in addresses, and addresses in logs.
pub const LIFETIME: Duration = Duration::from_secs(30);

/// Tickets issued within [`LIFETIME`], used or not; some 20 MB. Beyond it nobody gets one until
/// old ones end: to drop those would lock out whoever holds them.
const MOST: usize = 65_536;

/// What a ticket says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Who it is for.
    pub user: UserRef,
    /// Whether a credential showed it.
    pub shown: bool,
    /// The epoch of the user's sessions.
    pub epoch: u64,
    /// When the credential ends, in seconds since 1970.
    pub expires_at: Option<u64>,
}

/// The tickets that are out, in memory: after a restart clients ask for new ones. Kept as hashes,
/// so that a dump of the memory opens nothing.
#[derive(Default)]
pub struct Tickets(Mutex<Issued>);

#[derive(Default)]
struct Issued {
    grants: HashMap<[u8; 32], Grant>,
    /// In the order in which they end.
    ends: VecDeque<(Instant, [u8; 32])>,
}

impl Tickets {
    /// A ticket of 128 random bits.
    pub fn issue(&self, grant: Grant) -> Result<String, Rejection> {
        self.issue_at(grant, Instant::now())
    }

    /// What a ticket says, once, until it ends.
    pub fn redeem(&self, ticket: &str) -> Option<Grant> {
        self.redeem_at(ticket, Instant::now())
    }

    /// What a ticket says that has not been used or ended; it is not used by that.
    pub fn look_at(&self, ticket: &str) -> Option<Grant> {
        let mut issued = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        issued.forget_ended(Instant::now());
        issued.grants.get(&hash(ticket)).cloned()
    }

    fn issue_at(&self, grant: Grant, now: Instant) -> Result<String, Rejection> {
        let ticket = hex::encode(rand::random::<[u8; 16]>());
        let mut issued = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        issued.forget_ended(now);
        if issued.ends.len() >= MOST {
            return Err(Rejection::unavailable("overloaded", "too many tickets are out", 5));
        }
        let hash = hash(&ticket);
        issued.ends.push_back((now + LIFETIME, hash));
        issued.grants.insert(hash, grant);
        Ok(ticket)
    }

    fn redeem_at(&self, ticket: &str, now: Instant) -> Option<Grant> {
        let mut issued = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        issued.forget_ended(now);
        issued.grants.remove(&hash(ticket))
    }
}

impl Issued {
    fn forget_ended(&mut self, now: Instant) {
        while let Some((_, hash)) = self.ends.pop_front_if(|(end, _)| *end <= now) {
            self.grants.remove(&hash);
        }
    }
}

fn hash(ticket: &str) -> [u8; 32] {
    Sha256::digest(ticket.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant() -> Grant {
        let user = UserRef { name: "Alice".to_owned(), key: "alice".to_owned() };
        Grant { user, shown: true, epoch: 3, expires_at: Some(7) }
    }

    #[test]
    fn a_ticket_opens_once_and_not_after_its_end() {
        let tickets = Tickets::default();
        let start = Instant::now();
        let issue = || tickets.issue_at(grant(), start).unwrap();
        let (used, ended) = (issue(), issue());
        assert_eq!(used.len(), 32);
        assert_ne!(used, ended);
        let last = start + LIFETIME - Duration::from_millis(1);
        assert_eq!(tickets.redeem_at(&used, last), Some(grant()));
        assert_eq!(tickets.redeem_at(&used, last), None);
        assert_eq!(tickets.redeem_at(&ended, start + LIFETIME), None);
        assert_eq!(tickets.redeem_at("", start), None);
    }

    #[test]
    fn they_are_bounded_and_the_bound_passes() {
        let tickets = Tickets::default();
        let start = Instant::now();
        for _ in 0..MOST {
            let ticket = tickets.issue_at(grant(), start).unwrap();
            // Used ones count too: what is kept of them is the time of their end.
            tickets.redeem_at(&ticket, start).unwrap();
        }
        assert_eq!(tickets.issue_at(grant(), start).unwrap_err().status().as_u16(), 503);
        assert!(tickets.issue_at(grant(), start + LIFETIME).is_ok());
        let issued = tickets.0.lock().unwrap();
        assert_eq!((issued.grants.len(), issued.ends.len()), (1, 1));
    }
}
