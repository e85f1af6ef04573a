//! [`Side`]: one of the two databases of an import.

use common::{Clock, EventId};

use super::ImportError;
use crate::{
    config::{Database, Durability},
    store::{Store, StoreError, database::Connection},
};

/// What its connections are called at a server, so that they are not taken for a service's.
const NAME: &str = "realtalk import";

/// One of the two databases of an import.
pub(super) struct Side {
    store: Store,
    name: String,
}

impl Side {
    /// Opens it, and brings its schema up to date.
    pub(super) async fn open(database: &Database) -> Result<Self, ImportError> {
        let name = database.to_string();
        let named = database.clone().called(NAME);
        match Store::open(&named, Durability::Full, Clock::default()).await {
            Ok(store) => Ok(Self { store, name }),
            Err(error) => Err(ImportError::Store { database: name, error }),
        }
    }

    /// What it is called, without its password.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Says of what has failed that it has failed here.
    pub(super) fn of<T>(&self, result: Result<T, StoreError>) -> Result<T, ImportError> {
        result.map_err(|error| ImportError::Store { database: self.name.clone(), error })
    }

    /// All that it holds, as it is now.
    pub(super) async fn snapshot(&self) -> Result<Connection<'static>, ImportError> {
        let mut snapshot = self.of(self.store.pools.readers.snapshot().await)?;
        self.of(self.store.engine.take_time(&mut snapshot).await)?;
        Ok(snapshot)
    }

    /// The connection that writes.
    pub(super) async fn writer(&self) -> Result<Connection<'static>, ImportError> {
        self.of(self.store.pools.writer.connection().await)
    }

    /// Begins to write, for as long as it takes.
    pub(super) async fn begin<'c>(
        &self,
        writer: &'c mut Connection<'_>,
    ) -> Result<Connection<'c>, ImportError> {
        let mut transaction = self.of(writer.begin().await)?;
        self.of(self.store.engine.take_time(&mut transaction).await)?;
        Ok(transaction)
    }

    /// Fails if a service uses it. One that is asked for a file has found it locked.
    pub(super) async fn check_unserved(&self) -> Result<(), ImportError> {
        // A connection of its own: in a transaction, those that came later would not be seen.
        let mut connection = self.of(self.store.pools.identifiers.connection().await)?;
        match self.of(self.store.engine.services(&mut connection).await)? {
            0 => Ok(()),
            _ => Err(ImportError::Served(self.name.clone())),
        }
    }

    /// Fails if its log does not end here any more.
    pub(super) async fn check_unmoved(&self, head: EventId) -> Result<(), ImportError> {
        match self.of(self.store.head().await)? {
            now if now == head => Ok(()),
            _ => Err(ImportError::Served(self.name.clone())),
        }
    }

    /// Does what makes reading tables fast after much has been written. It would come by itself a little later.
    pub(super) async fn settle(
        &self,
        writer: &mut Connection<'_>,
        tables: impl Iterator<Item = &'static str>,
    ) {
        if let Err(error) = self.store.engine.settle(writer, tables).await {
            tracing::warn!(%error, "all is imported; reading is slow until the server has looked at it");
        }
    }

    /// Lets go of it.
    pub(super) async fn close(&self) {
        self.store.close().await;
    }
}
