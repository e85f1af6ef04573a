//! [`TABLES`]: what is imported, and the statements for it.

use common::EventId;

use crate::store::{
    StoreError,
    database::{Connection, Sql, id, values},
    write::HEAD,
};

/// A table, as far as it is imported.
pub(super) struct Table {
    pub(super) name: &'static str,
    columns: &'static [Column],
    /// By which its rows are in the same order everywhere.
    key: &'static str,
    written: Written,
}

/// A column and what it holds.
#[derive(Clone, Copy)]
enum Column {
    Integer(&'static str),
    Text(&'static str),
    Boolean(&'static str),
    /// What triggers count when other rows are written.
    Counted(&'static str),
}

/// How a table is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Written {
    /// Instead of what a new database begins with.
    Whole,
    /// Its one row gets other values.
    OneRow,
    /// By triggers, when other rows are.
    ByTriggers,
}

use Column::{Boolean, Counted, Integer, Text};

/// All that is kept, in an order in which each finds what it refers to.
pub(super) const TABLES: &[Table] = &[
    Table {
        name: "log",
        columns: &[Integer("last_id"), Integer("floor")],
        key: "only_row",
        written: Written::OneRow,
    },
    Table {
        name: "conversations",
        columns: &[
            Text("id"),
            Text("kind"),
            Integer("last_seq"),
            Text("name"),
            Text("history"),
            Text("created_by"),
            Integer("created_at"),
            Integer("active_at"),
            Counted("member_count"),
        ],
        key: "id",
        written: Written::Whole,
    },
    Table {
        name: "users",
        columns: &[
            Text("key"),
            Text("name"),
            Text("display_name"),
            Text("display_key"),
            Text("kind"),
            Text("password_hash"),
            Boolean("vouched"),
            Boolean("admin"),
            Integer("epoch"),
            Integer("signed_out_at"),
            Integer("created_at"),
            Integer("deactivated_at"),
        ],
        key: "key",
        written: Written::Whole,
    },
    Table {
        name: "protected_looks",
        columns: &[Text("look"), Text("user_key")],
        key: "look, user_key",
        written: Written::Whole,
    },
    Table {
        name: "members",
        columns: &[
            Text("conversation_id"),
            Text("user_key"),
            Text("role"),
            Integer("joined_at"),
            Integer("joined_seq"),
            Integer("read_seq"),
            Integer("delivered_seq"),
            Integer("marked_at"),
        ],
        key: "conversation_id, user_key",
        written: Written::Whole,
    },
    Table {
        name: "messages",
        columns: &[
            Integer("id"),
            Text("conversation_id"),
            Integer("seq"),
            Text("sender"),
            Text("sender_key"),
            Text("content"),
            Text("client_msg_id"),
            Text("digest"),
            Integer("reply_to"),
            Integer("edited_at"),
            Integer("deleted_at"),
            Text("mentions"),
            Integer("said_at"),
        ],
        key: "id",
        written: Written::Whole,
    },
    Table {
        name: "mentions",
        columns: &[Text("user_key"), Text("conversation_id"), Integer("seq")],
        key: "user_key, conversation_id, seq",
        written: Written::Whole,
    },
    Table {
        name: "reactions",
        columns: &[
            Integer("message_id"),
            Text("emoji"),
            Text("user_key"),
            Text("\"user\""),
            Integer("created_at"),
        ],
        key: "message_id, emoji, user_key",
        written: Written::Whole,
    },
    Table {
        name: "reaction_counts",
        columns: &[Integer("message_id"), Text("emoji"), Integer("count")],
        key: "message_id, emoji",
        written: Written::ByTriggers,
    },
    Table {
        name: "events",
        columns: &[Integer("id"), Text("type"), Text("audience"), Text("data")],
        key: "id",
        written: Written::Whole,
    },
    Table {
        name: "audiences",
        columns: &[Text("id"), Integer("last_id"), Text("users")],
        key: "id",
        written: Written::Whole,
    },
    Table {
        name: "moments",
        columns: &[Integer("at"), Integer("last_id")],
        key: "at",
        written: Written::Whole,
    },
];

/// Whether nothing has been done yet with a database. Nobody else can begin to, until the transaction has
/// ended.
pub(super) async fn is_empty(transaction: &mut Connection<'_>) -> Result<bool, StoreError> {
    if head(transaction).await? > EventId::ZERO {
        return Ok(false);
    }
    let (is_used,): (bool,) = transaction
        .one(
            "select exists (select 1 from users) or exists (select 1 from messages) \
             or exists (select 1 from conversations where id <> 'public')",
            values![],
        )
        .await?;
    Ok(!is_used)
}

/// Where the log ends.
pub(super) async fn head(transaction: &mut Connection<'_>) -> Result<EventId, StoreError> {
    let (head,): (i64,) = transaction.one(HEAD, values![]).await?;
    Ok(id(head))
}

/// The rows of all tables.
pub(super) async fn count(connection: &mut Connection<'_>) -> Result<u64, StoreError> {
    let mut all = 0;
    for table in TABLES {
        let count = format!("select count(*) from {}", table.name);
        all += connection.one::<(i64,)>(count, values![]).await?.0 as u64;
    }
    Ok(all)
}

impl Table {
    /// Its columns.
    #[cfg(test)]
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.columns.iter().map(|column| column.name().trim_matches('"'))
    }

    /// Its rows, each as a JSON array, in the order of their keys.
    pub(super) fn select(&self) -> Sql {
        let columns: Vec<_> = self.columns.iter().map(|column| column.read()).collect();
        let (columns, Self { name, key, .. }) = (columns.join(", "), self);
        let select = |array| format!("select {array} from {name} order by {key}");
        Sql::of(
            select(format!("json_array({columns})")),
            select(format!("json_build_array({columns})::text")),
        )
    }

    /// Removes what a new database begins with.
    pub(super) async fn clear(&self, transaction: &mut Connection<'_>) -> Result<(), StoreError> {
        if self.written == Written::Whole {
            transaction.execute(format!("delete from {}", self.name), values![]).await?;
        }
        Ok(())
    }

    /// Writes rows, which are a JSON array of what [`select`](Self::select) gives.
    pub(super) async fn insert(
        &self,
        transaction: &mut Connection<'_>,
        rows: &str,
    ) -> Result<(), StoreError> {
        let columns = self.columns.iter().enumerate();
        let (names, values): (Vec<_>, Vec<_>) =
            columns.filter_map(|(at, column)| Some((column.name(), column.written(at)?))).unzip();
        let (name, names, values) = (self.name, names.join(", "), values.join(", "));
        let values = format!("select {values} from json_each($1)");
        let statement = match self.written {
            Written::Whole => format!("insert into {name} ({names}) {values}"),
            Written::OneRow => format!("update {name} set ({names}) = ({values})"),
            Written::ByTriggers => return Ok(()),
        };
        transaction.execute(statement, values![rows]).await?;
        Ok(())
    }
}

impl Column {
    const fn name(self) -> &'static str {
        match self {
            Integer(name) | Text(name) | Boolean(name) | Counted(name) => name,
        }
    }

    /// As it is read.
    fn read(self) -> String {
        match self {
            // SQLite keeps it as a number.
            Boolean(name) => format!("cast({name} as integer)"),
            column => column.name().to_owned(),
        }
    }

    /// As it is written, at its place in the row, unless triggers do that.
    fn written(self, at: usize) -> Option<String> {
        Some(match self {
            Text(_) => format!("value ->> {at}"),
            Integer(_) => format!("cast(value ->> {at} as bigint)"),
            Boolean(_) => format!("cast(cast(value ->> {at} as integer) as boolean)"),
            Counted(_) => return None,
        })
    }
}
