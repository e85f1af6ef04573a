//! Reads. They have connections of their own, and never wait for the writer.

pub(super) mod conversations;
pub(super) mod inbox;
pub(super) mod log;
pub(super) mod members;
pub(super) mod people;
pub(super) mod viewer;

use common::EventId;

use crate::{
    chat::{change::Refusal, message::Message},
    store::{
        Allowed, Page, Position, StoreError, Window,
        database::{Connection, Pool, micros, values},
        rows,
    },
};

/// One message, for someone.
pub(super) async fn message(readers: &Pool, asker: Option<&str>, id: EventId) -> Allowed<Message> {
    let mut tx = readers.snapshot().await?;
    let Some(row) = rows::message_row(&mut tx, id).await? else {
        return Ok(Err(Refusal::NoMessage));
    };
    let Some((_, standing, _)) = rows::standing(&mut tx, &row.conversation_id, asker).await? else {
        return Ok(Err(Refusal::NoMessage));
    };
    if let Err(refusal) = standing.read_message(row.seq as u64) {
        return Ok(Err(refusal));
    }
    let mut messages = rows::complete(&mut tx, vec![row]).await?;
    Ok(messages.pop().ok_or(Refusal::NoMessage))
}

/// A part of a conversation, for someone.
pub(super) async fn page(
    readers: &Pool,
    asker: Option<&str>,
    conversation_id: &str,
    window: Window,
    limit: u32,
) -> Allowed<Page> {
    // One snapshot for all that the page is made of.
    let mut tx = readers.snapshot().await?;
    let Some((place, standing, _)) = rows::standing(&mut tx, conversation_id, asker).await? else {
        return Ok(Err(Refusal::NoConversation));
    };
    let hidden = match standing.read() {
        Ok(after) => after as i64,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let (newest, limit) = (place.last_seq as i64, i64::from(limit));
    // Seqs have no gaps, so a page is a range of seqs and its ends tell what lies beyond.
    let (first, last) = match window {
        Window::Newest => (newest - limit + 1, newest),
        Window::Before(position) => {
            let end = seq_at(&mut tx, conversation_id, position, newest).await?.0 - 1;
            (end - limit + 1, end)
        }
        Window::After(position) => {
            let (at, exact) = seq_at(&mut tx, conversation_id, position, newest).await?;
            let start = if exact { at + 1 } else { at }.max(hidden + 1);
            (start, start.saturating_add(limit - 1))
        }
        Window::Around(position) => {
            let at = seq_at(&mut tx, conversation_id, position, newest).await?.0;
            let start = (at - limit / 2).min(newest - limit + 1).max(hidden + 1);
            (start, start.saturating_add(limit - 1))
        }
    };
    let statement = format!(
        "select {} from messages where conversation_id = $1 and seq between $2 and $3 order by seq",
        rows::MESSAGE_COLUMNS
    );
    let found: Vec<rows::MessageRow> =
        tx.all(statement, values![conversation_id, first.max(hidden + 1), last]).await?;
    Ok(Ok(Page {
        has_older: first > hidden + 1 && newest > hidden,
        has_newer: last < newest,
        messages: rows::complete(&mut tx, found).await?,
    }))
}

/// The seq of the message at a place, and whether there is one; else the seq of the next one.
async fn seq_at(
    tx: &mut Connection<'_>,
    conversation_id: &str,
    position: Position,
    newest: i64,
) -> Result<(i64, bool), StoreError> {
    let at = match position {
        Position::Seq(seq) => i64::try_from(seq).unwrap_or(i64::MAX).min(newest + 1),
        Position::Id(at) => {
            let found: Option<(i64, i64)> = tx
                .optional(
                    "select seq, id from messages where conversation_id = $1 and id >= $2 \
                 order by id limit 1",
                    values![conversation_id, micros(at)],
                )
                .await?;
            match found {
                Some((seq, found)) => return Ok((seq, found == micros(at))),
                None => newest + 1,
            }
        }
    };
    Ok((at, true))
}
