//! [`Shared`]: tries that several services count together, in their database.

use std::{net::IpAddr, sync::Arc};

use http_kit::{Rejection, address};
use sha2::{Digest, Sha256};

use super::{Allowance, OF_ADDRESS, OF_NAME, refusal};
use crate::store::{Store, StoreError};

/// Buckets by name and address, and by name.
pub(super) struct Shared(Arc<Store>);

/// A try under way.
pub(super) struct Try<'a> {
    store: &'a Store,
    pair: String,
    taken: Vec<(String, Allowance)>,
}

impl Shared {
    pub(super) const fn of(store: Arc<Store>) -> Self {
        Self(store)
    }

    pub(super) async fn take(&self, key: &str, address: IpAddr) -> Result<Try<'_>, Rejection> {
        let store = &*self.0;
        let pair = hash(&[key, &address::site(address).to_string()]);
        let mut guess = Try { store, pair: pair.clone(), taken: Vec::new() };
        guess.take(pair, OF_ADDRESS).await?;
        if !store.has_signed_in(&guess.pair).await?
            && let Err(refused) = guess.take(hash(&[key]), OF_NAME).await
        {
            guess.forget().await?;
            return Err(refused);
        }
        Ok(guess)
    }
}

impl Try<'_> {
    async fn take(&mut self, bucket: String, allowance: Allowance) -> Result<(), Rejection> {
        let Allowance { burst, period } = allowance;
        match self.store.take_guess(&bucket, burst, period).await? {
            Ok(()) => {
                self.taken.push((bucket, allowance));
                Ok(())
            }
            Err(wait) => Err(refusal(allowance, wait)),
        }
    }

    pub(super) async fn succeed(self) -> Result<(), StoreError> {
        self.store.note_sign_in(&self.pair).await?;
        self.forget().await
    }

    pub(super) async fn forget(self) -> Result<(), StoreError> {
        for (bucket, Allowance { period, .. }) in &self.taken {
            self.store.give_back_guess(bucket, *period).await?;
        }
        Ok(())
    }
}

fn hash(parts: &[&str]) -> String {
    hex::encode(Sha256::digest(parts.join("\n")))
}
