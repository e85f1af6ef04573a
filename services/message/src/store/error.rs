//! [`StoreError`]: why the store could not do its work.

use sqlx::migrate::MigrateError;

use super::sqlite;

/// Why the store could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No room left on the device.
    #[error("the disk is full: {0}")]
    Full(sqlx::Error),
    /// What was asked for breaks a rule of the schema, which is for the code above to prevent.
    #[error("a rule of the schema is broken: {0}")]
    Rule(sqlx::Error),
    /// The file cannot be served.
    #[error(transparent)]
    File(#[from] sqlite::FileError),
    /// The database has been opened by a version of this program that is newer.
    #[error("its schema is newer than this program: {0} is not known here")]
    Newer(i64),
    /// Somebody else has what is needed, for longer than one waits.
    #[error("the database is in use: {0}")]
    Busy(sqlx::Error),
    /// Anything else that the database reports.
    #[error("the database failed: {0}")]
    Database(sqlx::Error),
    /// What is in the database cannot be what was put there.
    #[error("the database holds what cannot be read: {0}")]
    Corrupt(#[from] serde_json::Error),
}

impl StoreError {
    /// Whether an operation is to blame, rather than the database: it would fail again, and others
    /// would not.
    pub const fn is_of_operation(&self) -> bool {
        matches!(self, Self::Rule(_) | Self::Corrupt(_))
    }
}

impl From<sqlx::Error> for StoreError {
    /// Tells a full disk, which an operator can mend, and a broken rule, which no database mends,
    /// from everything else.
    fn from(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(|database| database.code());
        match code.as_deref().map(meaning) {
            Some(Meaning::Full) => Self::Full(error),
            Some(Meaning::Rule) => Self::Rule(error),
            Some(Meaning::Busy) => Self::Busy(error),
            Some(Meaning::Other) | None => Self::Database(error),
        }
    }
}

impl From<MigrateError> for StoreError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::VersionMissing(version) => Self::Newer(version),
            other => Self::Database(sqlx::Error::Migrate(Box::new(other))),
        }
    }
}

/// What the code of an error means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Full,
    Rule,
    Busy,
    Other,
}

/// What a code means: SQLite's are numbers whose lowest byte says it, PostgreSQL's have five characters of
/// which two are the class.
fn meaning(code: &str) -> Meaning {
    const SQLITE_FULL: u32 = 13;
    const SQLITE_CONSTRAINT: u32 = 19;
    match (code.len(), code.get(..2)) {
        (5, Some("53")) if code == "53100" => Meaning::Full,
        (5, Some("55")) if code == "55P03" => Meaning::Busy,
        // Constraints, and what no column takes.
        (5, Some("22" | "23")) => Meaning::Rule,
        (5, _) => Meaning::Other,
        _ => match code.parse::<u32>().map(|code| code & 0xff) {
            Ok(SQLITE_FULL) => Meaning::Full,
            Ok(SQLITE_CONSTRAINT) => Meaning::Rule,
            _ => Meaning::Other,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_both_databases_mean_the_same() {
        let kinds = |codes: &[&str]| codes.iter().map(|code| meaning(code)).collect::<Vec<_>>();
        // `SQLITE_FULL` and `disk_full`.
        assert_eq!(kinds(&["13", "53100"]), [Meaning::Full; 2]);
        // `SQLITE_CONSTRAINT_UNIQUE`, `unique_violation`, `untranslatable_character`.
        assert_eq!(kinds(&["2067", "23505", "22P05"]), [Meaning::Rule; 3]);
        // `lock_not_available`.
        assert_eq!(kinds(&["55P03"]), [Meaning::Busy]);
        // `SQLITE_BUSY`, `too_many_connections`, `serialization_failure`, `admin_shutdown`, unknown ones.
        assert_eq!(kinds(&["5", "53300", "40001", "57P01", "", "é"]), [Meaning::Other; 6]);
    }
}
