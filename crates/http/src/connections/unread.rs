//! [`Unread`]: large answers that are under way, by address, and what streams begin with.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use actix_web::http::{
    StatusCode,
    header::{HeaderValue, RETRY_AFTER},
};

use crate::{address::site, rejection::Rejection};

/// Smaller answers fit into the buffers that every connection has.
const SMALL: usize = 16 * 1024;

/// The most bytes of answers to one address.
const MOST_OF_ONE: usize = 16 * 1024 * 1024;

/// With more than this in all, everybody who has some has an equal share of it and no more.
const MOST: usize = 64 * 1024 * 1024;

/// Large answers that are under way.
pub struct Unread {
    limits_loopback: bool,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    bytes: usize,
    by_site: HashMap<IpAddr, usize>,
}

/// Bytes of one answer, until it is written.
pub struct Bytes {
    unread: Arc<Unread>,
    site: IpAddr,
    bytes: usize,
}

impl Unread {
    /// None yet; loopback has no bound of its own, unless `limits_loopback`.
    pub fn new(limits_loopback: bool) -> Self {
        Self { limits_loopback, held: Mutex::default() }
    }

    /// Refuses who has more under way than they may, until they have read it.
    pub fn check(&self, address: IpAddr) -> Result<(), Rejection> {
        let held = self.lock();
        let theirs = held.by_site.get(&site(address)).copied().unwrap_or_default();
        let is_one_of_many = address.is_loopback() && !self.limits_loopback;
        let share = MOST / held.by_site.len().max(1);
        if theirs > MOST_OF_ONE && !is_one_of_many || held.bytes > MOST && theirs > share {
            return Err(Rejection::new(
                StatusCode::TOO_MANY_REQUESTS,
                "answers_unread",
                "read the answers that you have asked for",
            )
            .with_header(RETRY_AFTER, HeaderValue::from_static("1")));
        }
        Ok(())
    }

    /// Counts an answer, unless it is small.
    pub fn hold(self: &Arc<Self>, address: IpAddr, bytes: usize) -> Option<Bytes> {
        if bytes <= SMALL {
            return None;
        }
        let site = site(address);
        let mut held = self.lock();
        held.bytes += bytes;
        *held.by_site.entry(site).or_default() += bytes;
        Some(Bytes { unread: self.clone(), site, bytes })
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Bytes {
    fn drop(&mut self) {
        let mut held = self.unread.lock();
        held.bytes -= self.bytes;
        if let Some(theirs) = held.by_site.get_mut(&self.site) {
            *theirs -= self.bytes;
            if *theirs == 0 {
                held.by_site.remove(&self.site);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_does_not_read_gets_no_more_and_others_do() {
        let unread = Arc::new(Unread::new(false));
        let (rude, other): (IpAddr, IpAddr) = ([203, 0, 113, 1].into(), [203, 0, 113, 2].into());
        let large = 1 << 20;
        assert!(unread.hold(rude, SMALL).is_none());
        let mut held: Vec<_> = (0..17).map(|_| unread.hold(rude, large)).collect();
        assert_eq!(unread.check(rude).unwrap_err().code(), "answers_unread");
        assert!(unread.check(other).is_ok());
        held.pop();
        assert!(unread.check(rude).is_ok(), "as soon as it has read one");
        // Loopback may be a proxy for many: it has no limit of its own, but no more than its share.
        let local: IpAddr = [127, 0, 0, 1].into();
        held.extend((0..48).map(|_| unread.hold(local, large)));
        assert!(unread.check(local).is_ok());
        held.push(unread.hold(local, large));
        assert!(unread.check(local).is_err());
        assert!(unread.check(rude).is_ok() && unread.check(other).is_ok());
        drop(held);
        assert!(unread.check(local).is_ok());
        assert!(unread.lock().by_site.is_empty() && unread.lock().bytes == 0);
    }
}
