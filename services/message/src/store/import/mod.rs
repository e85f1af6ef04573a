//! [`import`]: everything that one database holds, put into another one, as it is.
//!
//! In one transaction, which is committed once the two have been compared: whatever interrupts it, nothing is
//! in the other one, and it can be repeated.

mod copy;
mod progress;
mod side;
mod table;

use std::path::PathBuf;

use common::EventId;

pub use self::{
    copy::Contents,
    progress::{Progress, Step},
};
use self::{progress::Count, side::Side, table::TABLES};
use super::StoreError;
use crate::config::Database;

/// What has been imported.
#[derive(Debug)]
pub struct Imported {
    /// Where the event log ends, in both.
    pub head: EventId,
    /// What each table holds, in both.
    pub tables: Vec<(&'static str, Contents)>,
}

/// Why nothing has been imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// There is nothing to import.
    #[error("there is no database {}", .0.display())]
    Missing(PathBuf),
    /// There is nothing to do.
    #[error("{0} is where the data are already")]
    Same(String),
    /// One of the two cannot be used.
    #[error("{database}: {error}")]
    Store {
        /// Which one.
        database: String,
        /// What is wrong with it.
        error: StoreError,
    },
    /// Services use one of the two.
    #[error(
        "services use {0}: stop them first, since nothing that they store meanwhile would be imported"
    )]
    Served(String),
    /// What is there must not be mixed with what comes.
    #[error("{0} is not empty: import into a new database")]
    NotEmpty(String),
    /// What has been written is not what has been read.
    #[error("{table}: read {read}, but written {written}")]
    Differs {
        /// Of which table.
        table: &'static str,
        /// What was there.
        read: Contents,
        /// What has come of it.
        written: Contents,
    },
}

/// Puts all that one database holds into another one, which is empty: ids, `seq` and cursors stay what they
/// are. Nobody serves either meanwhile. Both get the newest schema first.
///
/// What is only for a while is not imported: tickets, wrong passwords, who has signed in from where.
pub async fn import(
    from: &Database,
    to: &Database,
    watch: &mut (dyn FnMut(Progress) + Send),
) -> Result<Imported, ImportError> {
    if let Database::File(path) = from
        && !path.exists()
    {
        return Err(ImportError::Missing(path.clone()));
    }
    if is_same(from, to) {
        return Err(ImportError::Same(to.to_string()));
    }
    let from = Side::open(from).await?;
    let to = Side::open(to).await?;
    let imported = between(&from, &to, watch).await;
    from.close().await;
    to.close().await;
    imported
}

/// Whether both are one file. If they are one database on a server, that is not empty.
fn is_same(from: &Database, to: &Database) -> bool {
    let (Database::File(from), Database::File(to)) = (from, to) else {
        return false;
    };
    // What is not there cannot be told, and is not the same.
    let found = from.canonicalize().ok();
    found.is_some() && found == to.canonicalize().ok()
}

async fn between(
    from: &Side,
    to: &Side,
    watch: &mut (dyn FnMut(Progress) + Send),
) -> Result<Imported, ImportError> {
    let mut source = from.snapshot().await?;
    let mut writer = to.writer().await?;
    let mut target = to.begin(&mut writer).await?;
    if !to.of(table::is_empty(&mut target).await)? {
        return Err(ImportError::NotEmpty(to.name().to_owned()));
    }
    let served = async || {
        from.check_unserved().await?;
        to.check_unserved().await
    };
    served().await?;
    let all = from.of(table::count(&mut source).await)?;
    let mut count = Count::new(all, watch);
    let mut read = Vec::new();
    for table in TABLES {
        read.push(copy::copy(table, (from, &mut source), (to, &mut target), &mut count).await?);
    }
    count.begin(Step::Comparing);
    let mut tables = Vec::new();
    for (table, read) in TABLES.iter().zip(read) {
        let written = copy::look(table, (to, &mut target), &mut count).await?;
        if written != read {
            return Err(ImportError::Differs { table: table.name, read, written });
        }
        tables.push((table.name, written));
    }
    // Who has come meanwhile, and may have gone again, has stored what is not in it.
    served().await?;
    let head = to.of(table::head(&mut target).await)?;
    from.check_unmoved(head).await?;
    to.of(target.commit().await)?;
    to.settle(&mut writer, TABLES.iter().map(|table| table.name)).await;
    Ok(Imported { head, tables })
}

#[cfg(test)]
mod tests {
    use sqlx::{Connection as _, SqliteConnection};

    use super::*;
    use crate::{config::Durability, store::Store};

    async fn new(name: &str, folder: &tempfile::TempDir) -> (Database, SqliteConnection) {
        let path = folder.path().join(name);
        let database = Database::File(path.clone());
        let store =
            Store::open(&database, Durability::Full, common::Clock::default()).await.unwrap();
        store.close().await;
        drop(store);
        (database, SqliteConnection::connect(&format!("sqlite:{}", path.display())).await.unwrap())
    }

    async fn run(connection: &mut SqliteConnection, statement: &'static str) {
        sqlx::query(statement).execute(connection).await.unwrap();
    }

    #[tokio::test]
    async fn what_does_not_arrive_as_it_was_is_found_and_nothing_is_left_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let (from, mut source) = new("from.db", &folder).await;
        for statement in [
            "insert into users (key, name, display_name, kind, created_at) values \
             ('al', 'Al', 'Al', 'guest', 1), ('bo', 'Bo', 'Bo', 'member', 2)",
            "insert into members (conversation_id, user_key, joined_at, joined_seq, read_seq, delivered_seq) \
             values ('public', 'al', 1, 0, 1, 1), ('public', 'bo', 1, 0, 1, 1)",
            "insert into messages (id, conversation_id, seq, sender, sender_key, content) \
             values (5, 'public', 1, 'Al', 'al', 'hi'), (6, 'public', 2, 'Al', 'al', 'ho')",
            "update log set last_id = 6",
        ] {
            run(&mut source, statement).await;
        }
        source.close().await.unwrap();
        for (table, fault) in [
            (
                "messages",
                "create trigger t after insert on messages begin \
                          update messages set content = 'ha' where id = 6; end",
            ),
            (
                "messages",
                "create trigger t after insert on messages begin \
                          delete from messages where id = 6; end",
            ),
            (
                "users",
                "create trigger t after insert on users begin \
                       update users set admin = 1 where key = 'bo'; end",
            ),
            ("conversations", "drop trigger member_came"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let (to, mut target) = new("to.db", &folder).await;
            run(&mut target, fault).await;
            target.close().await.unwrap();
            let failed = import(&from, &to, &mut |_| ()).await.unwrap_err();
            let ImportError::Differs { table: found, read, written } = failed else {
                panic!("{fault}: {failed}");
            };
            assert_eq!(found, table, "{fault}");
            assert_ne!(read, written);
            let store = Store::open(&to, Durability::Full, common::Clock::default()).await.unwrap();
            assert_eq!(store.head().await.unwrap(), EventId::ZERO, "{fault}");
            assert!(store.account("al").await.unwrap().is_none(), "{fault}");
        }
    }

    #[tokio::test]
    async fn every_column_is_imported() {
        let folder = tempfile::tempdir().unwrap();
        let (_, mut connection) = new("realtalk.db", &folder).await;
        let found: Vec<(String, String)> = sqlx::query_as(
            "select tables.name, columns.name from pragma_table_list as tables, \
             pragma_table_info(tables.name) as columns \
             where tables.schema = 'main' and tables.name not like 'sqlite_%' and tables.name <> '_sqlx_migrations' \
             order by 1, 2",
        )
        .fetch_all(&mut connection)
        .await
        .unwrap();
        // What a file alone needs: where an earlier version has left off.
        let own =
            ["inline_after", "inline_until", "only_row", "rewritten"].map(|name| ("log", name));
        let imported = TABLES.iter().flat_map(|table| table.names().map(|name| (table.name, name)));
        let mut expected: Vec<_> = imported.chain(own).collect();
        expected.sort_unstable();
        let found: Vec<_> =
            found.iter().map(|(table, column)| (table.as_str(), column.as_str())).collect();
        assert_eq!(found, expected);
    }
}
