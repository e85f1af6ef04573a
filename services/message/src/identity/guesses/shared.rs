//! [`Shared`]: tries that several services count together, in their database.

use std::{net::IpAddr, sync::Arc};

use common::Secret;
use http_kit::{Rejection, address};

use super::{Allowance, OF_ADDRESS, OF_NAME, refusal};
use crate::store::{Store, StoreError};

/// Buckets by name and address, and by name.
pub(super) struct Shared {
    store: Arc<Store>,
    secret: Secret,
}

/// A try under way.
pub(super) struct Try<'a> {
    store: &'a Store,
    pair: String,
    taken: Vec<(String, Allowance)>,
}

impl Shared {
    pub(super) const fn of(store: Arc<Store>, secret: Secret) -> Self {
        Self { store, secret }
    }

    pub(super) async fn take(&self, key: &str, address: IpAddr) -> Result<Try<'_>, Rejection> {
        let store = &*self.store;
        let pair = self.secret.mark(&format!("guess\n{key}\n{}", address::site(address)));
        let mut guess = Try { store, pair: pair.clone(), taken: Vec::new() };
        guess.take(pair, OF_ADDRESS).await?;
        if !store.has_signed_in(&guess.pair).await?
            && let Err(refused) =
                guess.take(self.secret.mark(&format!("guess\n{key}")), OF_NAME).await
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
