//! [`Sql`]: a statement for either database.

use std::{borrow::Cow, io};

use serde::{Serialize, Serializer};
use serde_json::ser::{CharEscape, CompactFormatter, Formatter};
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

/// What the databases call differently, and what follows in the statement decides nothing: as SQLite has it,
/// and as PostgreSQL does.
const WORDS: [(&str, &str); 3] = [
    // A table of the elements of a JSON array. Each is an array itself, read by `value ->> 0` and so on;
    // numbers are cast, because PostgreSQL reads text.
    ("json_each($1)", "jsonb_array_elements($1::jsonb)"),
    // In this order, says SQLite's planner; PostgreSQL's decides by what it counts.
    ("cross join", "join"),
    // Where something begins in a text, or 0.
    ("instr(", "strpos("),
];

/// A statement. Most are the same for both.
pub(in crate::store) struct Sql {
    sqlite: Cow<'static, str>,
    postgres: Option<Cow<'static, str>>,
}

/// One that has to be said differently.
pub(in crate::store) const fn either(sqlite: &'static str, postgres: &'static str) -> Sql {
    Sql { sqlite: Cow::Borrowed(sqlite), postgres: Some(Cow::Borrowed(postgres)) }
}

impl Sql {
    /// One that has to be said differently, and is made up of parts.
    pub(in crate::store) const fn of(sqlite: String, postgres: String) -> Self {
        Self { sqlite: Cow::Owned(sqlite), postgres: Some(Cow::Owned(postgres)) }
    }

    /// As SQLite reads it.
    pub(in crate::store) fn sqlite(self) -> SqlStr {
        text(self.sqlite)
    }

    /// As PostgreSQL reads it.
    pub(in crate::store) fn postgres(self) -> SqlStr {
        let own = self.postgres.unwrap_or(self.sqlite);
        text(WORDS.iter().fold(own, |text, (word, theirs)| {
            if text.contains(word) { text.replace(word, theirs).into() } else { text }
        }))
    }
}

/// Nothing that anybody has said is in it: that goes by values.
fn text(text: Cow<'static, str>) -> SqlStr {
    match text {
        Cow::Borrowed(text) => text.into_sql_str(),
        Cow::Owned(text) => AssertSqlSafe(text).into_sql_str(),
    }
}

impl From<&'static str> for Sql {
    fn from(text: &'static str) -> Self {
        Self { sqlite: Cow::Borrowed(text), postgres: None }
    }
}

impl From<String> for Sql {
    fn from(text: String) -> Self {
        Self { sqlite: Cow::Owned(text), postgres: None }
    }
}

/// A list of values for `json_each`, each in a row of its own.
pub(in crate::store) fn list<T: Serialize>(
    values: impl IntoIterator<Item = T>,
) -> Result<String, serde_json::Error> {
    let mut list = serde_json::Serializer::with_formatter(Vec::new(), WithoutNul);
    list.collect_seq(values.into_iter().map(|value| (value,)))?;
    Ok(String::from_utf8_lossy(&list.into_inner()).into_owned())
}

/// PostgreSQL takes no NUL in a text. No name or id has one, nor the character that stands for it here, so
/// whatever is looked for by one is not found.
struct WithoutNul;

impl Formatter for WithoutNul {
    fn write_char_escape<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        let escape = match escape {
            CharEscape::AsciiControl(0) => CharEscape::AsciiControl(1),
            other => other,
        };
        CompactFormatter.write_char_escape(writer, escape)
    }
}

/// The same for what is no list.
pub(in crate::store) fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{1}")
}
