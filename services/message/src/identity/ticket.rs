//! [`Tickets`]: what opens a stream once, where no header can be set.

use std::{
    collections::{HashMap, HashSet, VecDeque, hash_map::Entry},
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use common::internal::UserRef;
use http_kit::{
    Rejection,
    address::{BySite, Shares},
    rate,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::store::{Store, StoreError};

/// How long a ticket can be used. Tickets stand in addresses, and addresses in logs.
pub const LIFETIME: Duration = Duration::from_secs(30);

/// Tickets issued within [`LIFETIME`], used or not; some 20 MB. Beyond it nobody gets one until
/// old ones end: to drop those would lock out whoever holds them.
const MOST: usize = 65_536;

/// Those of one address, and of one user who has shown who they are: a page asks for one with each stream.
const MOST_OF_ADDRESS: usize = 4_096;
const MOST_OF_USER: usize = 400;

/// What a ticket says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// The tickets that are out, in memory: after a restart clients ask for new ones. Where several services serve
/// one store, it keeps what tickets say, since each may be asked about any; how many there may be is counted by
/// each for itself. Kept as hashes, so that a dump of either opens nothing.
pub struct Tickets {
    shares: Shares,
    shared: Option<Arc<Store>>,
    issued: Mutex<Issued>,
}

#[derive(Default)]
struct Issued {
    grants: HashMap<[u8; 32], Grant>,
    /// In the order in which they end.
    ends: VecDeque<End>,
    by_site: BySite,
    /// Of users who have shown who they are, by key: else others could use up somebody's share.
    by_user: HashMap<String, usize>,
}

/// What tickets say, by their hashes.
#[derive(Default)]
pub struct Grants(HashMap<String, Grant>);

impl Grants {
    /// What this one says.
    pub fn of(&self, ticket: &str) -> Option<&Grant> {
        self.0.get(&hex::encode(hash(ticket)))
    }
}

/// When a ticket ends, and whose it counts as until then.
struct End {
    at: Instant,
    hash: [u8; 32],
    address: IpAddr,
    user: Option<String>,
}

impl Tickets {
    /// None yet, for addresses that share like this.
    pub fn new(store: Arc<Store>, shares: Shares) -> Self {
        let shared = store.is_shared().then_some(store);
        Self { shares, shared, issued: Mutex::default() }
    }

    /// A ticket of 128 random bits, for somebody at an address.
    pub async fn issue(&self, grant: &Grant, address: IpAddr) -> Result<String, Rejection> {
        let Some(store) = &self.shared else {
            return self.issue_at(grant, address, Instant::now());
        };
        let says = serde_json::to_string(grant).map_err(StoreError::from)?;
        let ticket = self.issue_at(grant, address, Instant::now())?;
        store.put_ticket(&hex::encode(hash(&ticket)), &says, LIFETIME).await?;
        Ok(ticket)
    }

    /// Uses tickets, which can be done once, until they end. Returns those that could be used.
    pub async fn redeem(&self, tickets: &[&str]) -> Result<HashSet<String>, Rejection> {
        let Some(store) = &self.shared else {
            let now = Instant::now();
            let used = tickets.iter().filter(|ticket| self.redeem_at(ticket, now).is_some());
            return Ok(used.map(|ticket| (*ticket).to_owned()).collect());
        };
        if tickets.is_empty() {
            return Ok(HashSet::new());
        }
        let hashes: Vec<_> = tickets.iter().map(|ticket| hex::encode(hash(ticket))).collect();
        let used = store.use_tickets(&hashes).await?;
        let all = tickets.iter().zip(hashes).filter(|(_, hash)| used.contains(hash));
        Ok(all.map(|(ticket, _)| (*ticket).to_owned()).collect())
    }

    /// What tickets say that have not been used or ended; they are not used by that.
    pub async fn look_at(&self, tickets: &[&str]) -> Result<Grants, Rejection> {
        if tickets.is_empty() {
            return Ok(Grants::default());
        }
        let hashes = tickets.iter().map(|ticket| hash(ticket));
        if let Some(store) = &self.shared {
            let hashes: Vec<_> = hashes.map(hex::encode).collect();
            let mut grants = Grants::default();
            for (hash, says) in store.tickets(&hashes).await? {
                let grant = serde_json::from_str(&says).map_err(StoreError::from)?;
                grants.0.insert(hash, grant);
            }
            return Ok(grants);
        }
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        issued.forget_ended(Instant::now());
        let known = hashes.filter_map(|hash| Some((hex::encode(hash), issued.grants.get(&hash)?)));
        Ok(Grants(known.map(|(hash, grant)| (hash, grant.clone())).collect()))
    }

    /// Counts a ticket, and keeps what it says unless that is done elsewhere.
    fn issue_at(&self, grant: &Grant, address: IpAddr, now: Instant) -> Result<String, Rejection> {
        let ticket = hex::encode(rand::random::<[u8; 16]>());
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        issued.forget_ended(now);
        let user = grant.shown.then(|| grant.user.key.clone());
        let refused = |most| Err(rate::refusal("too many tickets", most as u32, 5));
        let of_user = user.as_ref().and_then(|user| issued.by_user.get(user));
        if of_user.is_some_and(|of_user| *of_user >= MOST_OF_USER) {
            return refused(MOST_OF_USER);
        }
        if self.shares.bound(address) && issued.by_site.of(address) >= MOST_OF_ADDRESS {
            return refused(MOST_OF_ADDRESS);
        }
        if issued.ends.len() >= MOST {
            return Err(Rejection::unavailable("overloaded", "too many tickets are out", 5));
        }
        let hash = hash(&ticket);
        if let Some(user) = &user {
            *issued.by_user.entry(user.clone()).or_default() += 1;
        }
        issued.by_site.add(address, 1);
        issued.ends.push_back(End { at: now + LIFETIME, hash, address, user });
        if self.shared.is_none() {
            issued.grants.insert(hash, grant.clone());
        }
        Ok(ticket)
    }

    fn redeem_at(&self, ticket: &str, now: Instant) -> Option<Grant> {
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        issued.forget_ended(now);
        issued.grants.remove(&hash(ticket))
    }
}

impl Issued {
    fn forget_ended(&mut self, now: Instant) {
        while let Some(End { hash, address, user, .. }) =
            self.ends.pop_front_if(|end| end.at <= now)
        {
            self.grants.remove(&hash);
            self.by_site.remove(address, 1);
            if let Some(user) = user
                && let Entry::Occupied(mut of_user) = self.by_user.entry(user)
            {
                *of_user.get_mut() -= 1;
                if *of_user.get() == 0 {
                    of_user.remove();
                }
            }
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

    fn tickets() -> Tickets {
        let shares = Shares { by_address: true, loopback: false };
        Tickets { shares, shared: None, issued: Mutex::default() }
    }

    fn somebody(number: usize) -> (Grant, IpAddr) {
        let key = format!("user{number}");
        let user = UserRef { name: key.clone(), key };
        let address = [10, 0, (number >> 8) as u8, number as u8].into();
        (Grant { user, ..grant() }, address)
    }

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 1));

    #[test]
    fn a_ticket_opens_once_and_not_after_its_end() {
        let tickets = tickets();
        let start = Instant::now();
        let issue = || tickets.issue_at(&grant(), HERE, start).unwrap();
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
        let tickets = tickets();
        let start = Instant::now();
        for number in 0..MOST {
            let (grant, address) = somebody(number % 1_000);
            let ticket = tickets.issue_at(&grant, address, start).unwrap();
            // Used ones count too: what is kept of them is the time of their end.
            tickets.redeem_at(&ticket, start).unwrap();
        }
        let more = |at| tickets.issue_at(&grant(), HERE, at);
        assert_eq!(more(start).unwrap_err().status().as_u16(), 503);
        assert!(more(start + LIFETIME).is_ok());
        let issued = tickets.issued.lock().unwrap();
        assert_eq!((issued.grants.len(), issued.ends.len()), (1, 1));
        assert_eq!((issued.by_site.count(), issued.by_user.len()), (1, 1));
    }

    #[test]
    fn one_who_takes_all_they_can_leaves_enough_for_others() {
        let tickets = tickets();
        let start = Instant::now();
        let taken = |user: usize, address: usize, shown| {
            let ((grant, _), (_, address)) = (somebody(user), somebody(address));
            let take = |_: &usize| {
                let grant = Grant { shown, ..grant.clone() };
                tickets.issue_at(&grant, address, start).is_ok()
            };
            (0..10_000).take_while(take).count()
        };
        // By a token from wherever; by names that nobody has to show, from one address.
        assert_eq!((taken(1, 1, true), taken(1, 2, true)), (MOST_OF_USER, 0));
        assert_eq!(taken(7, 3, false), MOST_OF_ADDRESS);
        assert_eq!((taken(8, 3, false), taken(7, 4, true)), (0, MOST_OF_USER));
        let proxy =
            tickets.issue_at(&Grant { shown: false, ..grant() }, [127, 0, 0, 1].into(), start);
        assert!(proxy.is_ok());
    }
}
