//! [`Accounts`]: those who are known.

use std::sync::Arc;

use crate::{
    chat::{
        change::{Answer, Change},
        user::Account,
        username::Username,
    },
    log::{write_error::WriteError, writer::Writer},
    store::{Store, StoreError},
};

/// Those who are known: finds them, and has changes of their accounts carried out.
pub struct Accounts {
    store: Arc<dyn Store>,
    writer: Writer,
}

impl Accounts {
    /// The accounts of this store, which this writer changes.
    pub const fn new(store: Arc<dyn Store>, writer: Writer) -> Self {
        Self { store, writer }
    }

    /// The account with this key.
    pub async fn find(&self, key: &str) -> Result<Option<Account>, StoreError> {
        self.store.account(key).await
    }

    /// Whether nobody can have this name by just using it: it looks like a protected one of somebody else.
    pub async fn is_lookalike(&self, name: &Username) -> Result<bool, StoreError> {
        self.store.is_lookalike(name).await
    }

    /// Makes a change of an account; returns it as it is then.
    pub async fn change(&self, change: Change) -> Result<Account, WriteError> {
        match self.writer.change(change).await? {
            Answer::Account(account, _) => Ok(*account),
            // The writer answers a change of accounts with an account.
            _ => Err(WriteError::Stopping),
        }
    }

    /// Sees to it that someone who has only a name can be addressed; and that nobody uses it
    /// without a token any more, if an outside issuer vouches for them.
    pub async fn welcome(&self, name: Username, vouched: bool) -> Result<Account, WriteError> {
        self.change(Change::Welcome { name, vouched }).await
    }
}
