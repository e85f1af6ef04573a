//! [`Hosts`]: the servers that may have the database, of which one has it.

use std::{
    io,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use sqlx::{
    Connection as _, PgConnection, PgPool, Postgres, pool::PoolConnection,
    postgres::PgConnectOptions,
};
use tokio::sync::Semaphore;

/// How long it may take to connect to a server that is there.
const PATIENCE: Duration = Duration::from_secs(3);

/// For how long what was found out about a server holds for others who ask.
const FRESH: Duration = Duration::from_secs(1);

/// `too_many_connections`.
const CROWDED: &str = "53300";

/// As the server says it: 15.0.
const MIN_VERSION: i32 = 150_000;

/// Where to connect to. When a primary is lost, a standby takes its place, at another address.
pub(in crate::store) struct Hosts {
    all: Vec<PgConnectOptions>,
    /// The one that is connected to.
    at: AtomicUsize,
    /// When that was last another one.
    moved: Mutex<Instant>,
    /// Which one was tried last, when, and what was wrong: many may want to know at the same time, of whom one
    /// tries.
    tried: Mutex<Option<(usize, Instant, Option<String>)>>,
    trying: Semaphore,
}

impl Hosts {
    /// Those of a URL, tried in this order; at least one.
    pub(in crate::store) fn new(all: Vec<PgConnectOptions>) -> Self {
        Self {
            all,
            at: AtomicUsize::new(0),
            moved: Mutex::new(Instant::now()),
            tried: Mutex::default(),
            trying: Semaphore::new(1),
        }
    }

    /// The one that is connected to.
    pub(in crate::store) fn current(&self) -> (usize, &PgConnectOptions) {
        let at = self.at.load(Ordering::Acquire);
        (at, &self.all[at])
    }

    /// Finds the one that has the database, or says what is wrong with the last of them.
    pub(in crate::store) async fn find_primary(&self) -> sqlx::Result<()> {
        let mut last = Ok(());
        for (at, options) in self.all.iter().enumerate() {
            last = Self::try_out(options).await;
            let Err(error) = &last else {
                self.at.store(at, Ordering::Release);
                break;
            };
            let (host, port) = (options.get_host(), options.get_port());
            tracing::warn!(host, port, %error, "a database server cannot be used");
        }
        last
    }

    async fn try_out(host: &PgConnectOptions) -> sqlx::Result<()> {
        let connect = async {
            let mut connection = PgConnection::connect_with(host).await?;
            Self::check(&mut connection).await?;
            connection.close().await
        };
        let late = |_| sqlx::Error::Io(io::ErrorKind::TimedOut.into());
        tokio::time::timeout(PATIENCE, connect).await.map_err(late)?
    }

    /// A connection to the first that has the database, beginning with the one that had it last.
    pub(in crate::store) async fn connection(
        &self,
        pool: &PgPool,
    ) -> sqlx::Result<PoolConnection<Postgres>> {
        let mut tried = 0;
        loop {
            let (at, options) = self.current();
            // Another pool may have moved on.
            if pool.connect_options().get_host() != options.get_host()
                || pool.connect_options().get_port() != options.get_port()
            {
                pool.set_connect_options(options.clone());
            }
            tried += 1;
            let error = match pool.acquire().await {
                // A pool says that it took too long, whatever is wrong.
                Err(sqlx::Error::PoolTimedOut) => match self.find_fault(at).await {
                    None => return Err(sqlx::Error::PoolTimedOut),
                    Some(fault) => sqlx::Error::Io(io::Error::other(fault)),
                },
                Err(sqlx::Error::PoolClosed) => return Err(sqlx::Error::PoolClosed),
                Err(error) => error,
                connection => return connection,
            };
            if tried >= self.all.len() {
                return Err(error);
            }
            self.leave(at, &error);
        }
    }

    /// What is wrong with a server, as far as somebody who connects to it can see.
    async fn find_fault(&self, at: usize) -> Option<String> {
        let _turn = self.trying.acquire().await;
        let tried = || self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((before, when, fault)) = &*tried()
            && *before == at
            && when.elapsed() < FRESH
        {
            return fault.clone();
        }
        let fault = match Self::try_out(&self.all[at]).await {
            // It is there, and has too many connections.
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(CROWDED) => None,
            Err(sqlx::Error::Io(error)) => Some(error.to_string()),
            result => result.err().map(|error| error.to_string()),
        };
        *tried() = Some((at, Instant::now(), fault.clone()));
        fault
    }

    /// When the server was last another one: connections that are older are to that.
    pub(in crate::store) fn moved(&self) -> Instant {
        *self.moved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses a server that does not write (a standby, or a primary that has become one), that is too old, or
    /// that does not keep every letter.
    pub(in crate::store) async fn check(connection: &mut PgConnection) -> sqlx::Result<()> {
        let about = "select pg_is_in_recovery(), current_setting('server_version_num')::int, \
                     current_setting('server_encoding')";
        let (is_standby, version, encoding): (bool, i32, String) =
            sqlx::query_as(about).fetch_one(connection).await?;
        let refused = |why: String| Err(sqlx::Error::Configuration(why.into()));
        match () {
            () if is_standby => refused("the server is a standby".to_owned()),
            () if version < MIN_VERSION => {
                refused(format!("PostgreSQL 15 is needed, not {version}"))
            }
            () if encoding != "UTF8" => {
                refused(format!("the database is to have the encoding UTF8, not {encoding}"))
            }
            () => Ok(()),
        }
    }

    /// Goes on to the next one, unless somebody has done so meanwhile.
    fn leave(&self, at: usize, error: &sqlx::Error) {
        let mut moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
        if self.at.load(Ordering::Acquire) != at {
            return;
        }
        let next = (at + 1) % self.all.len();
        self.at.store(next, Ordering::Release);
        *moved = Instant::now();
        let name = |at: usize| format!("{}:{}", self.all[at].get_host(), self.all[at].get_port());
        let (from, to) = (name(at), name(next));
        tracing::warn!(from, to, %error, "trying the next database server");
    }
}
