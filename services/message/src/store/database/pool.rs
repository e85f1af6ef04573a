//! [`Pool`]: connections to the database for one kind of work.

use std::sync::Arc;

use sqlx::{PgPool, SqlSafeStr, SqlitePool, Transaction, pool::MaybePoolConnection};

use super::{Connection, Hosts, connection::in_time};
use crate::store::StoreError;

/// In PostgreSQL each statement would see what others have committed before it.
const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// Reads of people at the same time. Most are answered from memory; more would only wait for a core.
pub const READS_AT_ONCE: usize = 4;

/// Connections for reading: some are left when people take all of theirs, for the other service.
pub(in crate::store) const READERS: u32 = READS_AT_ONCE as u32 + 2;

/// Connections for finding out who people are, which everything waits for.
pub(in crate::store) const IDENTIFIERS: u32 = 2;

/// Connections, of either database.
#[derive(Clone)]
pub(in crate::store) enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool, Arc<Hosts>),
}

/// How many connections a pool has.
pub(in crate::store) struct Usage {
    pub(in crate::store) used: u32,
    pub(in crate::store) idle: u32,
    /// How many there may be.
    pub(in crate::store) most: u32,
}

/// Those of a store.
pub(in crate::store) struct Pools {
    /// The one that writes.
    pub(in crate::store) writer: Pool,
    /// For reading: some are left when people take all of theirs, for the other service.
    pub(in crate::store) readers: Pool,
    /// For finding out who people are, which everything waits for.
    pub(in crate::store) identifiers: Pool,
}

impl Pool {
    /// A connection, for statements that stand by themselves.
    pub(in crate::store) async fn connection(&self) -> Result<Connection<'static>, StoreError> {
        Ok(match self {
            Self::Sqlite(pool) => pool.acquire().await?.into(),
            Self::Postgres(pool, hosts) => hosts.connection(pool).await?.into(),
        })
    }

    /// A connection whose statements all read the same state of the database.
    pub(in crate::store) async fn snapshot(&self) -> Result<Connection<'static>, StoreError> {
        Ok(match self {
            Self::Sqlite(pool) => pool.begin().await?.into(),
            Self::Postgres(pool, hosts) => {
                let connection = hosts.connection(pool).await?;
                let connection = MaybePoolConnection::PoolConnection(connection);
                in_time(Transaction::begin(connection, Some(SNAPSHOT.into_sql_str()))).await?.into()
            }
        })
    }

    /// How many there are now.
    pub(in crate::store) fn usage(&self) -> Usage {
        let (all, idle, most) = match self {
            Self::Sqlite(pool) => {
                (pool.size(), pool.num_idle(), pool.options().get_max_connections())
            }
            Self::Postgres(pool, _) => {
                (pool.size(), pool.num_idle(), pool.options().get_max_connections())
            }
        };
        // Both are read while others take and return some.
        let idle = u32::try_from(idle).unwrap_or(all).min(all);
        Usage { used: all - idle, idle, most }
    }

    /// The pool of a store in a file.
    #[cfg(test)]
    pub(in crate::store) fn sqlite(&self) -> &SqlitePool {
        match self {
            Self::Sqlite(pool) => pool,
            Self::Postgres(..) => panic!("these tests look into a file"),
        }
    }

    pub(in crate::store) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool, _) => pool.close().await,
        }
    }
}

impl Pools {
    /// Lets go of all connections, once nobody uses them.
    pub(in crate::store) async fn close(&self) {
        self.identifiers.close().await;
        self.readers.close().await;
        self.writer.close().await;
    }
}
