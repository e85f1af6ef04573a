//! [`DatabaseFile`]: the file of the database, which one process serves and one user reads.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
};

/// A database file that this process serves, until this is dropped.
///
/// Two processes that serve one database would each tell its streams of half of what happens. The
/// lock is on a file beside it: SQLite has locks of its own on the database, which closing another
/// descriptor of it would release.
#[derive(Debug)]
pub struct DatabaseFile {
    path: PathBuf,
    _lock: File,
}

/// Why a database cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Another process serves it.
    #[error("another process serves it already: stop that one, or set another DATA_DIR")]
    Served,
    /// The file cannot be opened.
    #[error("{0}")]
    Open(io::Error),
    /// The file system has no locks.
    #[error("it cannot be locked ({0}): choose a DATA_DIR on a disk of this machine")]
    Lock(io::Error),
}

impl DatabaseFile {
    /// Takes the file, and makes it if there is none. Nobody else on the machine can read it.
    pub fn take(path: &Path) -> Result<Self, FileError> {
        let lock = private(&path.with_extension("lock")).map_err(FileError::Open)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => FileError::Served,
            TryLockError::Error(error) => FileError::Lock(error),
        })?;
        private(path).map_err(FileError::Open)?;
        // SQLite makes them as readable as the database is now; a crash leaves older ones behind.
        for suffix in ["-wal", "-shm"] {
            let mut beside = path.as_os_str().to_owned();
            beside.push(suffix);
            if Path::new(&beside).exists() {
                private(Path::new(&beside)).map_err(FileError::Open)?;
            }
        }
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Opens a file that only this user may read and write.
fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, MODE);
    let file = options.open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mut permissions = file.metadata()?.permissions();
        if permissions.mode() & 0o777 != MODE {
            permissions.set_mode(MODE);
            // Of another user, or on a disk without modes: it has been opened all the same.
            if let Err(error) = file.set_permissions(permissions) {
                tracing::warn!(path = %path.display(), %error, "others may be able to read this file");
            }
        }
    }
    Ok(file)
}

#[cfg(unix)]
const MODE: u32 = 0o600;

#[cfg(test)]
mod tests {
    use super::*;

    /// `.cargo/config.toml` is read from where cargo is called, and upwards; and the environment may say something
    /// else.
    #[tokio::test]
    async fn connections_share_no_lock() {
        let pool = sqlx::SqlitePool::connect("sqlite::memory:").await.unwrap();
        let options: Vec<(String,)> =
            sqlx::query_as("pragma compile_options").fetch_all(&pool).await.unwrap();
        let has = |wanted: &str| options.iter().any(|(option,)| option == wanted);
        assert!(!has("ENABLE_MEMORY_MANAGEMENT") && has("DEFAULT_MEMSTATUS=0"), "{options:?}");
    }

    #[test]
    fn one_at_a_time_serves_a_database() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("realtalk.db");
        let taken = DatabaseFile::take(&path).unwrap();
        assert!(matches!(DatabaseFile::take(&path), Err(FileError::Served)));
        drop(taken);
        DatabaseFile::take(&path).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_on_the_machine_reads_it() {
        use std::{fs, os::unix::fs::PermissionsExt};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("realtalk.db");
        let wal = folder.path().join("realtalk.db-wal");
        // As an earlier version has left them.
        for file in [&path, &wal] {
            fs::write(file, b"").unwrap();
            fs::set_permissions(file, fs::Permissions::from_mode(0o644)).unwrap();
        }
        DatabaseFile::take(&path).unwrap();
        for file in [&path, &wal, &folder.path().join("realtalk.lock")] {
            assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
