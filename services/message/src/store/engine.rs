//! [`Engine`]: what is particular to one database.

use super::{
    StoreError,
    database::{Connection, Pool, Pools},
    postgres,
    sqlite::{self, DatabaseFile},
};

/// What is particular to one database.
pub(super) enum Engine {
    /// In a file, which only this process serves.
    Sqlite(DatabaseFile),
    /// A server, which others use as well.
    Postgres,
}

impl Engine {
    pub(super) async fn probe(&self, writer: &mut Connection<'_>) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => sqlite::probe(writer).await,
            Self::Postgres => postgres::probe(writer).await,
        }
    }

    pub(super) async fn tidy(&self, pools: &Pools) -> Result<bool, StoreError> {
        match (self, &pools.writer) {
            (Self::Sqlite(file), Pool::Sqlite(writer)) => {
                sqlite::cut_back(writer, file.path(), sqlite::LIMIT).await
            }
            // Its server does.
            _ => Ok(true),
        }
    }

    pub(super) async fn let_go(&self, pools: &Pools) -> Result<(), StoreError> {
        for pool in [&pools.writer, &pools.readers, &pools.identifiers] {
            if let Pool::Sqlite(pool) = pool {
                sqlite::let_go(pool).await?;
            }
        }
        Ok(())
    }
}
