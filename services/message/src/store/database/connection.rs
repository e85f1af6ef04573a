//! [`Connection`]: a connection to the database, whichever that is, and the ways to ask it.
//!
//! Statements are written once, in what both databases understand. [`Sql`] has the few words in which
//! they differ, and whole statements where words are not enough.

use std::{io, time::Duration};

use futures_util::{
    StreamExt as _, TryStreamExt as _,
    stream::{self, BoxStream},
};
use sqlx::{
    Connection as _, FromRow, PgConnection, Postgres, Sqlite, SqliteConnection,
    pool::PoolConnection, postgres::PgRow, sqlite::SqliteRow,
};

use super::sql::{Sql, without_nul};
use crate::store::StoreError;

/// How long a server may be silent. It gives up a statement sooner than that, unless it is gone, or waits for a
/// synchronous standby that is.
const SILENCE: Duration = Duration::from_secs(15);

/// What a server answers, if it does.
pub(super) async fn in_time<T>(answer: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    let silent = |_| io::Error::new(io::ErrorKind::TimedOut, "the server does not answer");
    tokio::time::timeout(SILENCE, answer).await.map_err(silent)?
}

/// What a statement is handed in place of `$1`, `$2` …
#[derive(Clone, Copy, Debug)]
pub(in crate::store) enum Value<'a> {
    Integer(Option<i64>),
    Text(Option<&'a str>),
    Boolean(bool),
}

/// Values for a statement, in order.
macro_rules! values {
    ($($value:expr),* $(,)?) => {
        &[$($crate::store::database::Value::from($value)),*]
    };
}
pub(in crate::store) use values;

/// What a row becomes, whichever database it comes from.
pub(in crate::store) trait Row:
    for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

impl<T> Row for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{}

/// A connection of a pool, or a transaction on one. A transaction that is not committed is undone.
pub(in crate::store) struct Connection<'c>(Kind<'c>);

enum Kind<'c> {
    Sqlite(PoolConnection<Sqlite>),
    SqliteTransaction(sqlx::Transaction<'c, Sqlite>),
    Postgres(PoolConnection<Postgres>),
    PostgresTransaction(sqlx::Transaction<'c, Postgres>),
}

impl From<PoolConnection<Sqlite>> for Connection<'static> {
    fn from(connection: PoolConnection<Sqlite>) -> Self {
        Self(Kind::Sqlite(connection))
    }
}

impl From<PoolConnection<Postgres>> for Connection<'static> {
    fn from(connection: PoolConnection<Postgres>) -> Self {
        Self(Kind::Postgres(connection))
    }
}

impl<'c> From<sqlx::Transaction<'c, Sqlite>> for Connection<'c> {
    fn from(transaction: sqlx::Transaction<'c, Sqlite>) -> Self {
        Self(Kind::SqliteTransaction(transaction))
    }
}

impl<'c> From<sqlx::Transaction<'c, Postgres>> for Connection<'c> {
    fn from(transaction: sqlx::Transaction<'c, Postgres>) -> Self {
        Self(Kind::PostgresTransaction(transaction))
    }
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Integer(Some(value))
    }
}

impl From<u32> for Value<'_> {
    fn from(value: u32) -> Self {
        Self::Integer(Some(value.into()))
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(value: Option<i64>) -> Self {
        Self::Integer(value)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(Some(value))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(value: &'a String) -> Self {
        Self::Text(Some(value))
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(value: Option<&'a str>) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a Option<String>> for Value<'a> {
    fn from(value: &'a Option<String>) -> Self {
        Self::Text(value.as_deref())
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

/// The connection itself.
enum Link<'a> {
    Sqlite(&'a mut SqliteConnection),
    Postgres(&'a mut PgConnection),
}

/// A query with its values, for either database: `$text` has the form in which it takes a text.
macro_rules! bound {
    ($query:expr, $values:expr, $text:expr) => {
        $values.iter().fold($query, |query, value| match value {
            Value::Integer(value) => query.bind(*value),
            Value::Text(value) => query.bind(value.map($text)),
            Value::Boolean(value) => query.bind(*value),
        })
    };
}

/// Has the rows of a statement fetched by `$method`.
macro_rules! fetch {
    ($connection:expr, $sql:expr, $values:expr, $method:ident) => {
        match $connection.link() {
            Link::Sqlite(link) => {
                bound!(sqlx::query_as($sql.sqlite()), $values, str::to_owned).$method(link).await
            }
            Link::Postgres(link) => {
                let query = bound!(sqlx::query_as($sql.postgres()), $values, without_nul);
                in_time(query.$method(link)).await
            }
        }
    };
}

impl Connection<'_> {
    fn link(&mut self) -> Link<'_> {
        match &mut self.0 {
            Kind::Sqlite(connection) => Link::Sqlite(connection),
            Kind::SqliteTransaction(transaction) => Link::Sqlite(transaction),
            Kind::Postgres(connection) => Link::Postgres(connection),
            Kind::PostgresTransaction(transaction) => Link::Postgres(transaction),
        }
    }

    /// Begins to write, before anything is read.
    pub(in crate::store) async fn begin(&mut self) -> Result<Connection<'_>, StoreError> {
        // Immediate: a transaction that began as a reader could not become the writer if another
        // process had written meanwhile.
        Ok(Connection(match self.link() {
            Link::Sqlite(link) => {
                Kind::SqliteTransaction(link.begin_with("BEGIN IMMEDIATE").await?)
            }
            Link::Postgres(link) => Kind::PostgresTransaction(in_time(link.begin()).await?),
        }))
    }

    /// Ends it for good if what was done on it has failed; the pool opens another one.
    ///
    /// SQLite may have ended the transaction by itself, as it does when the disk is full. sqlx does
    /// not notice: its own rollback fails, and it would begin no further transaction there.
    pub(in crate::store) async fn close_if_failed<T>(self, result: &Result<T, StoreError>) {
        if !matches!(result, Err(error) if !error.is_of_operation()) {
            return;
        }
        match self.0 {
            Kind::Sqlite(connection) => {
                connection.close().await.ok();
            }
            // Without waiting for a server that may be gone.
            Kind::Postgres(mut connection) => connection.close_on_drop(),
            Kind::SqliteTransaction(_) | Kind::PostgresTransaction(_) => {}
        }
    }

    /// Makes durable what a transaction has written.
    pub(in crate::store) async fn commit(self) -> Result<(), StoreError> {
        match self.0 {
            Kind::SqliteTransaction(transaction) => transaction.commit().await?,
            Kind::PostgresTransaction(transaction) => in_time(transaction.commit()).await?,
            Kind::Sqlite(_) | Kind::Postgres(_) => {}
        }
        Ok(())
    }

    /// All rows.
    pub(in crate::store) async fn all<T: Row>(
        &mut self,
        sql: impl Into<Sql>,
        values: &[Value<'_>],
    ) -> Result<Vec<T>, StoreError> {
        let sql = sql.into();
        Ok(fetch!(self, sql, values, fetch_all)?)
    }

    /// The row that there is.
    pub(in crate::store) async fn one<T: Row>(
        &mut self,
        sql: impl Into<Sql>,
        values: &[Value<'_>],
    ) -> Result<T, StoreError> {
        let sql = sql.into();
        Ok(fetch!(self, sql, values, fetch_one)?)
    }

    /// The first row, if there is any.
    pub(in crate::store) async fn optional<T: Row>(
        &mut self,
        sql: impl Into<Sql>,
        values: &[Value<'_>],
    ) -> Result<Option<T>, StoreError> {
        let sql = sql.into();
        Ok(fetch!(self, sql, values, fetch_optional)?)
    }

    /// One row after the other, as they come.
    pub(in crate::store) fn stream<'a, T: Row + 'a>(
        &'a mut self,
        sql: impl Into<Sql>,
        values: &[Value<'_>],
    ) -> BoxStream<'a, Result<T, StoreError>> {
        let sql = sql.into();
        let rows = match self.link() {
            Link::Sqlite(link) => {
                bound!(sqlx::query_as(sql.sqlite()), values, str::to_owned).fetch(link)
            }
            Link::Postgres(link) => {
                let rows = bound!(sqlx::query_as(sql.postgres()), values, without_nul).fetch(link);
                let next = async |mut rows: BoxStream<'a, sqlx::Result<T>>| {
                    Ok(in_time(rows.try_next()).await?.map(|row| (row, rows)))
                };
                stream::try_unfold(rows, next).boxed()
            }
        };
        rows.map_err(StoreError::from).boxed()
    }

    /// Changes something; returns in how many rows.
    pub(in crate::store) async fn execute(
        &mut self,
        sql: impl Into<Sql>,
        values: &[Value<'_>],
    ) -> Result<u64, StoreError> {
        let sql = sql.into();
        Ok(match self.link() {
            Link::Sqlite(link) => {
                let query = bound!(sqlx::query(sql.sqlite()), values, str::to_owned);
                query.execute(link).await?.rows_affected()
            }
            Link::Postgres(link) => {
                let query = bound!(sqlx::query(sql.postgres()), values, without_nul);
                in_time(query.execute(link)).await?.rows_affected()
            }
        })
    }
}
