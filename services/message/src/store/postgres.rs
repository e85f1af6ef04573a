//! PostgreSQL, which several processes use: connections to the server, for each kind of work.

use std::{io, sync::Arc, time::Duration};

use sqlx::{
    Connection as _,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::{
    config::{Database, Durability},
    store::{
        StoreError,
        database::{Connection, Hosts, IDENTIFIERS, Pool, Pools, READERS, values},
    },
};

/// How long somebody waits for a connection that others use, or that has to be made. Then the next server
/// is tried, if there is one.
const PATIENCE: Duration = Duration::from_secs(3);

/// No connection is used for longer: one to a server that was left and came back, for example.
const LIFETIME: Duration = Duration::from_secs(300);

/// A connection that has been used within this is not tried before it is used again.
const FRESH: Duration = Duration::from_secs(1);

/// Opens connections, and brings the schema up to date before anything is read.
pub(in crate::store) async fn open(
    hosts: &[PgConnectOptions],
    durability: Durability,
) -> Result<Pools, StoreError> {
    let commit = match durability {
        Durability::Full => "on",
        Durability::Relaxed => "off",
    };
    let settings = [
        ("synchronous_commit", commit),
        ("statement_timeout", "10s"),
        ("lock_timeout", "5s"),
        ("idle_in_transaction_session_timeout", "30s"),
    ];
    let hosts = hosts.iter().map(|host| host.clone().options(settings)).collect();
    let hosts = Arc::new(Hosts::new(hosts));
    let pool = |connections| {
        PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(PATIENCE)
            .test_before_acquire(false)
            // One that was idle may have lost its server meanwhile; one that is older than the last move is to
            // a server that was left.
            .before_acquire({
                let hosts = hosts.clone();
                move |connection, meta| {
                    let is_left = meta.age > hosts.moved().elapsed();
                    Box::pin(async move {
                        if is_left {
                            return Ok(false);
                        }
                        if meta.idle_for > FRESH {
                            connection.ping().await?;
                        }
                        Ok(true)
                    })
                }
            })
            .after_release(|connection, _| {
                Box::pin(async move {
                    // A statement that nobody has waited for to the end may have begun a transaction.
                    let clean = sqlx::raw_sql("begin; rollback").execute(connection);
                    let late = |_| sqlx::Error::Io(io::ErrorKind::TimedOut.into());
                    tokio::time::timeout(PATIENCE, clean).await.map_err(late)??;
                    Ok(true)
                })
            })
            .max_lifetime(LIFETIME)
            .after_connect(|connection, _| Box::pin(Hosts::check(connection)))
            .connect_lazy_with(hosts.current().1.clone())
    };
    // A pool would only say that it took too long.
    hosts.find_primary().await?;
    migrate(hosts.current().1).await?;
    let (writer, readers, identifiers) = (pool(1), pool(READERS), pool(IDENTIFIERS));
    let [writer, readers, identifiers] =
        [writer, readers, identifiers].map(|pool| Pool::Postgres(pool, hosts.clone()));
    Ok(Pools { writer, readers, identifiers })
}

/// Brings the schema up to date, however long that takes, or another one takes for it.
async fn migrate(primary: &PgConnectOptions) -> Result<(), StoreError> {
    let unhurried = [("statement_timeout", "0"), ("lock_timeout", "0")];
    let options = primary.clone().options(unhurried);
    let pool = PgPoolOptions::new().max_connections(1).connect_with(options).await?;
    sqlx::migrate!("migrations/postgres").run(&pool).await?;
    pool.close().await;
    Ok(())
}

/// Finds out whether writing works.
pub(in crate::store) async fn probe(connection: &mut Connection<'_>) -> Result<(), StoreError> {
    // As large as the largest post: on a full disk, less would succeed where posts fail.
    let mut tx = connection.begin().await?;
    let fill = "create temporary table probe on commit drop as \
                select string_agg(gen_random_uuid()::text, '') as bytes from generate_series(1, 8192)";
    for statement in ["update log set last_id = last_id", fill] {
        tx.execute(statement, values![]).await?;
    }
    tx.commit().await
}

/// Lets a transaction take as long as it needs. Whole tables are read by their keys, so that the first row comes
/// at once: sorting a large one would take longer than a server may be silent.
pub(in crate::store) async fn take_time(
    transaction: &mut Connection<'_>,
) -> Result<(), StoreError> {
    for setting in [
        "set local statement_timeout = 0",
        "set local idle_in_transaction_session_timeout = 0",
        "set local enable_sort = off",
        "set local enable_seqscan = off",
    ] {
        transaction.execute(setting, values![]).await?;
    }
    Ok(())
}

/// How many connections of services there are to this database.
pub(in crate::store) async fn services(connection: &mut Connection<'_>) -> Result<u64, StoreError> {
    let statement = "select count(*) from pg_stat_activity \
                     where datname = current_database() and application_name = $1";
    let (services,): (i64,) = connection.one(statement, values![Database::SERVICE]).await?;
    Ok(services as u64)
}

/// Has the planner know how much there is now, which it would find out within a minute by itself.
pub(in crate::store) async fn settle(
    writer: &mut Connection<'_>,
    tables: impl Iterator<Item = &'static str>,
) -> Result<(), StoreError> {
    for table in tables {
        writer.execute(format!("analyze {table}"), values![]).await?;
    }
    Ok(())
}
