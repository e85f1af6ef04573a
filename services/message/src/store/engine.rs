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

    /// Lets a transaction take as long as it needs, and read whole tables in the order of their keys as they
    /// come.
    pub(super) async fn take_time(
        &self,
        transaction: &mut Connection<'_>,
    ) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres => postgres::take_time(transaction).await,
        }
    }

    /// How many connections of services there are, besides our own.
    pub(super) async fn services(
        &self,
        connection: &mut Connection<'_>,
    ) -> Result<u64, StoreError> {
        match self {
            // It is locked.
            Self::Sqlite(_) => Ok(0),
            Self::Postgres => postgres::services(connection).await,
        }
    }

    /// Does what makes reading fast after much has been written at once.
    pub(super) async fn settle(
        &self,
        writer: &mut Connection<'_>,
        tables: impl Iterator<Item = &'static str>,
    ) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres => postgres::settle(writer, tables).await,
        }
    }
}
