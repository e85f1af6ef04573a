//! [`Unread`]: large answers that are under way, by address, and what streams begin with.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use actix_web::http::{
    StatusCode,
    header::{HeaderValue, RETRY_AFTER},
};

use crate::{
    address::{BySite, Shares},
    rejection::Rejection,
};

/// Smaller answers fit into the buffers that every connection has.
const SMALL: usize = 16 * 1024;

/// What is left free before an answer is made whose length nobody knows: about the longest page.
const LARGE: usize = 4 * 1024 * 1024;

/// The most bytes of answers to one address.
const MOST_OF_ONE: usize = 16 * 1024 * 1024;

/// With more than this in all, everybody who has some has an equal share of it and no more.
const MOST: usize = 64 * 1024 * 1024;

/// Large answers that are under way.
pub struct Unread {
    shares: Shares,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    bytes: usize,
    by_site: BySite,
}

/// Bytes of one answer, until it is written.
pub struct Bytes {
    unread: Arc<Unread>,
    address: IpAddr,
    bytes: usize,
}

/// A client has as much under way as it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMuch;

impl Unread {
    /// None yet.
    pub fn new(shares: Shares) -> Self {
        Self { shares, held: Mutex::default() }
    }

    /// Whether it is worth making another answer for somebody: a large one would have room.
    pub fn check(&self, address: IpAddr) -> Result<(), TooMuch> {
        let held = self.lock();
        self.room_for(&held, address, held.by_site.of(address), LARGE)
    }

    /// Counts an answer, unless it is small; refuses one that is too much.
    pub fn hold(self: &Arc<Self>, address: IpAddr, bytes: usize) -> Result<Option<Bytes>, TooMuch> {
        let mut held = None;
        self.hold_more(&mut held, address, bytes)?;
        Ok(held)
    }

    /// The same for an answer of which a part has been counted, and which has so many `bytes` in all by now.
    pub fn hold_more(
        self: &Arc<Self>,
        part: &mut Option<Bytes>,
        address: IpAddr,
        bytes: usize,
    ) -> Result<(), TooMuch> {
        if bytes <= SMALL {
            return Ok(());
        }
        let counted = part.as_ref().map_or(0, |part| part.bytes);
        let more = bytes.saturating_sub(counted);
        let mut held = self.lock();
        // What has been counted of it does not stand in its own way.
        let others = held.by_site.of(address) - counted;
        self.room_for(&held, address, others, more)?;
        held.bytes += more;
        held.by_site.add(address, more);
        match part {
            Some(part) => part.bytes += more,
            None => *part = Some(Bytes { unread: self.clone(), address, bytes }),
        }
        Ok(())
    }

    /// Who has no `others` under way gets whatever they ask for.
    fn room_for(
        &self,
        held: &Held,
        address: IpAddr,
        others: usize,
        more: usize,
    ) -> Result<(), TooMuch> {
        let theirs = held.by_site.of(address) + more;
        let share = MOST / held.by_site.count().max(1);
        let is_over = self.shares.bound(address) && theirs > MOST_OF_ONE
            || held.bytes + more > MOST && theirs > share;
        if others > 0 && is_over { Err(TooMuch) } else { Ok(()) }
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Bytes {
    fn drop(&mut self) {
        let mut held = self.unread.lock();
        held.bytes -= self.bytes;
        held.by_site.remove(self.address, self.bytes);
    }
}

impl From<TooMuch> for Rejection {
    fn from(TooMuch: TooMuch) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "answers_unread",
            "read the answers that you have asked for",
        )
        .with_header(RETRY_AFTER, HeaderValue::from_static("1"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_grows_is_not_in_its_own_way() {
        let unread = Arc::new(Unread::new(Shares { by_address: true, loopback: false }));
        let address = [203, 0, 113, 1].into();
        let (mut growing, most) = (None, 40 << 20);
        for bytes in [1_000, 1 << 20, 1 << 20, most] {
            unread.hold_more(&mut growing, address, bytes).unwrap();
        }
        assert_eq!(unread.lock().by_site.of(address), most);
        assert!(unread.hold(address, 1 << 20).is_err(), "but in that of another one");
        let mut other = None;
        assert!(unread.hold_more(&mut other, address, 1 << 20).is_err() && other.is_none());
        drop(growing);
        let held = unread.lock();
        assert_eq!((held.bytes, held.by_site.count()), (0, 0));
    }

    #[test]
    fn who_does_not_read_gets_no_more_and_others_do() {
        let unread = Arc::new(Unread::new(Shares { by_address: true, loopback: false }));
        let (rude, other): (IpAddr, IpAddr) = ([203, 0, 113, 1].into(), [203, 0, 113, 2].into());
        let large = 1 << 20;
        let hold = |address| unread.hold(address, large);
        assert!(unread.hold(rude, SMALL).unwrap().is_none());
        // All at once, and not one after the other.
        let mut held: Vec<_> = (0..16).map(|_| hold(rude).unwrap()).collect();
        assert_eq!(hold(rude).err(), Some(TooMuch));
        assert!(unread.check(rude).is_err() && unread.check(other).is_ok() && hold(other).is_ok());
        held.pop();
        held.push(hold(rude).unwrap());
        held.drain(..4);
        assert!(unread.check(rude).is_ok(), "as soon as it has read some");
        held.extend((0..4).map(|_| hold(rude).unwrap()));
        // Loopback may be a proxy for many: it has no limit of its own, but no more than its share.
        let local: IpAddr = [127, 0, 0, 1].into();
        held.extend((0..48).map(|_| hold(local).unwrap()));
        assert_eq!(hold(local).err(), Some(TooMuch));
        assert!(hold(other).is_ok(), "who has nothing gets something");
        drop(held);
        assert!(hold(local).is_ok());
        let held = unread.lock();
        assert_eq!((held.by_site.count(), held.bytes), (0, 0));
        drop(held);
        // Where all come from one address, as from a gateway, that is none.
        let all = Arc::new(Unread::new(Shares { by_address: false, loopback: false }));
        let held: Vec<_> = (0..64).map(|_| all.hold(rude, large).unwrap()).collect();
        assert_eq!(held.len(), 64);
    }
}
