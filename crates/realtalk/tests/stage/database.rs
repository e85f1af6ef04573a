//! Where the data of a test are: in its folder, or, with `TEST_DATABASE_URL`, in a database of its own on that
//! PostgreSQL server. Tests of the message service use this as well.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde::Deserialize;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

/// How long a killed service's connections may last at the server.
const PATIENCE: Duration = Duration::from_secs(20);

/// The address of the database of a folder, made if there is none; `None` if the data are in the folder.
pub(crate) fn url_of(folder: &Path) -> Option<String> {
    let server = server()?;
    let name = name_of(folder);
    let found = format!("select count(*) from pg_database where datname = '{name}'");
    if on_server(&server, &found).unwrap() == 0 {
        on_server(&server, &format!("create database \"{name}\"")).unwrap();
    }
    let (start, query) = server.split_once('?').unwrap_or((&server, ""));
    let (start, _) = start.rsplit_once('/').unwrap();
    Some(format!("{start}/{name}?{query}"))
}

/// Puts a copy of the data of one folder in the place of those of another. Nobody serves either.
pub(crate) fn copy(from: &Path, to: &Path) {
    let Some(server) = server() else {
        copy_files(from, to);
        return;
    };
    remove(to);
    let (from, to) = (name_of(from), name_of(to));
    let copy = format!("create database \"{to}\" template \"{from}\"");
    let start = Instant::now();
    while let Err(error) = on_server(&server, &copy) {
        assert!(start.elapsed() < PATIENCE, "{error}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn copy_files(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for left in ["realtalk.db", "realtalk.db-wal", "realtalk.db-shm"] {
        fs::remove_file(to.join(left)).ok();
        if from.join(left).exists() {
            fs::copy(from.join(left), to.join(left)).unwrap();
        }
    }
}

fn remove(folder: &Path) {
    if let Some(server) = server() {
        let name = name_of(folder);
        on_server(&server, &format!("drop database if exists \"{name}\" with (force)")).unwrap();
    }
}

/// Removes the database of a folder when it is dropped, which somebody else does with the folder.
pub(crate) struct Cleanup(pub(crate) PathBuf);

impl Drop for Cleanup {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

/// What the environment says of it.
#[derive(Deserialize)]
struct Env {
    test_database_url: Option<String>,
}

/// Where the server is.
pub(crate) fn server() -> Option<String> {
    envy::from_env::<Env>().unwrap().test_database_url
}

/// No two folders of tests have the same letters and digits at their end.
fn name_of(folder: &Path) -> String {
    let plain = |byte: u8| match byte.is_ascii_lowercase() || byte.is_ascii_digit() {
        true => char::from(byte).to_string(),
        false => format!("_{byte:x}"),
    };
    let name: String = folder.to_str().unwrap().bytes().map(plain).collect();
    // As long as PostgreSQL takes it.
    name.get(name.len().saturating_sub(63)..).unwrap().to_owned()
}

/// Carries out a statement, and returns the number that it gives, if any.
pub(crate) fn on_server(server: &str, statement: &str) -> sqlx::Result<i64> {
    let run = async {
        let mut connection = PgConnection::connect(server).await?;
        let statement = sqlx::query(AssertSqlSafe(statement));
        let row = statement.fetch_optional(&mut connection).await?;
        connection.close().await?;
        Ok(row.map_or(0, |row| row.try_get(0).unwrap_or(0)))
    };
    // Whoever asks may be in a runtime themselves, or not.
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    std::thread::scope(|scope| scope.spawn(|| runtime().block_on(run)).join().unwrap())
}
