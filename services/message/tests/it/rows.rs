//! [`Rows`]: a look into the database of a folder, and a hand in it.

use std::path::Path;

use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

use crate::database;

/// A connection beside the service's.
pub(crate) enum Rows {
    File(SqliteConnection),
    Server(PgConnection),
}

impl Rows {
    pub(crate) async fn of(folder: &Path) -> Self {
        if let Some(url) = database::url_of(folder) {
            return Self::Server(PgConnection::connect(&url).await.unwrap());
        }
        let file = format!("sqlite://{}", folder.join("realtalk.db").display());
        Self::File(SqliteConnection::connect(&file).await.unwrap())
    }

    /// Carries out a statement of whichever the database is.
    pub(crate) async fn execute(&mut self, sqlite: &'static str, postgres: &'static str) {
        match self {
            Self::File(file) => {
                sqlx::raw_sql(sqlite).execute(file).await.unwrap();
            }
            Self::Server(server) => {
                sqlx::raw_sql(postgres).execute(server).await.unwrap();
            }
        }
    }

    /// The number that a statement gives, which both understand.
    pub(crate) async fn number(&mut self, statement: &str) -> i64 {
        let statement = AssertSqlSafe(statement);
        match self {
            Self::File(file) => sqlx::query_scalar(statement).fetch_one(file).await.unwrap(),
            Self::Server(server) => sqlx::query_scalar(statement).fetch_one(server).await.unwrap(),
        }
    }
}
