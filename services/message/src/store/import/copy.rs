//! Reads a table, and writes it.

use std::fmt;

use futures_util::TryStreamExt;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{ImportError, progress::Count, side::Side, table::Table};
use crate::store::{
    StoreError,
    database::{Connection, values},
};

/// Rows are written by so many bytes at a time, and as many rows.
const CHUNK_BYTES: usize = 512 * 1024;
const CHUNK_ROWS: u64 = 2_000;

/// What a table holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// How many rows.
    pub rows: u64,
    /// SHA-256 of all of them, in the order of their keys: of each as a JSON array and a line feed.
    pub digest: [u8; 32],
}

impl fmt::Display for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows with the digest {}", self.rows, hex::encode(self.digest))
    }
}

/// A side, and the connection to it.
pub(super) type Through<'s, 'c> = (&'s Side, &'s mut Connection<'c>);

/// Reads a table from one side and writes it to the other one; returns what has been read.
pub(super) async fn copy(
    table: &'static Table,
    (from, source): Through<'_, '_>,
    (to, target): Through<'_, '_>,
    count: &mut Count<'_>,
) -> Result<Contents, ImportError> {
    to.of(table.clear(target).await)?;
    let (mut contents, mut chunk) = (Summing::default(), Chunk::default());
    let mut rows = source.stream::<(String,)>(table.select(), values![]);
    loop {
        let row = from.of(rows.try_next().await)?;
        let is_last = row.is_none();
        if let Some((row,)) = row {
            let row = from.of(canonical(&row))?;
            contents.add(&row);
            chunk.push(&row);
        }
        if chunk.is_full() || is_last {
            count.add(table.name, chunk.rows);
            to.of(table.insert(target, &chunk.take()).await)?;
        }
        if is_last {
            return Ok(contents.end());
        }
    }
}

/// Reads a table; returns what it holds.
pub(super) async fn look(
    table: &'static Table,
    (side, connection): Through<'_, '_>,
    count: &mut Count<'_>,
) -> Result<Contents, ImportError> {
    let (mut contents, mut unsaid) = (Summing::default(), 0);
    let mut rows = connection.stream::<(String,)>(table.select(), values![]);
    while let Some((row,)) = side.of(rows.try_next().await)? {
        contents.add(&side.of(canonical(&row))?);
        unsaid += 1;
        if unsaid == CHUNK_ROWS {
            count.add(table.name, std::mem::take(&mut unsaid));
        }
    }
    count.add(table.name, unsaid);
    Ok(contents.end())
}

/// A row, which the databases write a little differently.
fn canonical(row: &str) -> Result<String, StoreError> {
    let columns: Vec<Value> = serde_json::from_str(row)?;
    Ok(serde_json::to_string(&columns)?)
}

/// What a table holds, as far as it has been read.
#[derive(Default)]
struct Summing {
    rows: u64,
    digest: Sha256,
}

impl Summing {
    fn add(&mut self, row: &str) {
        self.rows += 1;
        self.digest.update(row);
        self.digest.update("\n");
    }

    fn end(self) -> Contents {
        Contents { rows: self.rows, digest: self.digest.finalize().into() }
    }
}

/// Rows that are written together, as a JSON array.
#[derive(Default)]
struct Chunk {
    rows: u64,
    text: String,
}

impl Chunk {
    fn push(&mut self, row: &str) {
        self.text.push(if self.rows == 0 { '[' } else { ',' });
        self.text.push_str(row);
        self.rows += 1;
    }

    fn is_full(&self) -> bool {
        self.rows >= CHUNK_ROWS || self.text.len() >= CHUNK_BYTES
    }

    /// What has been collected; goes on with nothing.
    fn take(&mut self) -> String {
        let Self { rows, mut text } = std::mem::take(self);
        text.push_str(if rows == 0 { "[]" } else { "]" });
        text
    }
}
