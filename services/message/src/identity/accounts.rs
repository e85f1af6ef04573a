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
    store: Arc<Store>,
    writer: Writer,
}

impl Accounts {
    /// The accounts of this store, which this writer changes.
    pub const fn new(store: Arc<Store>, writer: Writer) -> Self {
        Self { store, writer }
    }

    /// The account with this key.
    pub async fn find(&self, key: &str) -> Result<Option<Account>, StoreError> {
        self.store.account(key).await
    }

    /// Whether nobody can have this name by just using it: it looks like a protected one of somebody else.
    ///
    /// As it is shown, if there is an account, and as it is written now.
    pub async fn is_lookalike(
        &self,
        name: &Username,
        account: Option<&Account>,
    ) -> Result<bool, StoreError> {
        let shown = account.map(|account| account.user.name.as_str());
        let spellings: Vec<_> = [name.as_str()].into_iter().chain(shown).collect();
        self.store.is_lookalike(name.key(), &spellings).await
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
