//! [`Guesses`]: how many wrong passwords a name may be tried with.

mod own;
mod shared;

use std::{net::IpAddr, sync::Arc, time::Duration};

use common::Secret;
use http_kit::{Rejection, rate};

use crate::store::{Store, StoreError};
use own::Own;
use shared::Shared;

/// What one address may try for one name: its owner who mistypes waits 10 s, a guesser has 8,650
/// tries a day.
const OF_ADDRESS: Allowance = Allowance { burst: 10, period: Duration::from_secs(10) };

/// What all addresses together may try for one name. It takes many of them to use it up, and then
/// the owner still gets in from where they have signed in before.
const OF_NAME: Allowance = Allowance { burst: 50, period: Duration::from_secs(5) };

/// How many at once, and after which time there is another one.
#[derive(Clone, Copy)]
struct Allowance {
    burst: u64,
    period: Duration,
}

/// Token buckets that only wrong passwords empty: a try takes a token before the password is looked
/// at, so that tries side by side do not get past it, and a right one puts it back. Holds on loopback
/// too, unlike other limits of an address.
pub struct Guesses(Where);

enum Where {
    Own(Own),
    Shared(Shared),
}

/// A try under way.
#[must_use]
pub struct Guess<'a>(Try<'a>);

enum Try<'a> {
    Own(own::Try<'a>),
    Shared(shared::Try<'a>),
}

impl Guesses {
    /// Counted together by all services that serve this store, and have this secret: by it, nobody who reads the
    /// store can see who has signed in from where.
    pub fn of(store: &Arc<Store>, secret: &Secret) -> Self {
        Self(match store.is_shared() {
            true => Where::Shared(Shared::of(store.clone(), secret.clone())),
            false => Where::Own(Own::default()),
        })
    }

    /// Takes a token for a try of the name with this key from an address, or refuses with 429 and the
    /// time to wait.
    pub async fn take(&self, key: &str, address: IpAddr) -> Result<Guess<'_>, Rejection> {
        Ok(Guess(match &self.0 {
            Where::Own(own) => Try::Own(own.take(key, address)?),
            Where::Shared(shared) => Try::Shared(shared.take(key, address).await?),
        }))
    }
}

impl Guess<'_> {
    /// The password was right: the try does not count, and others' tries do not keep this address out.
    pub async fn succeed(self) -> Result<(), StoreError> {
        match self.0 {
            Try::Own(own) => own.succeed(),
            Try::Shared(shared) => shared.succeed().await?,
        }
        Ok(())
    }

    /// The password was not looked at: the try does not count.
    pub async fn forget(self) -> Result<(), StoreError> {
        match self.0 {
            Try::Own(own) => own.forget(),
            Try::Shared(shared) => shared.forget().await?,
        }
        Ok(())
    }
}

fn refusal(allowance: Allowance, wait: Duration) -> Rejection {
    let seconds = wait.as_millis().div_ceil(1_000).max(1) as u64;
    rate::refusal("too many wrong passwords for this name", allowance.burst as u32, seconds)
}
