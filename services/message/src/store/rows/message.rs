//! Rows of messages, and the messages that they become.

use std::collections::{BTreeSet, HashMap};

use common::EventId;
use sqlx::FromRow;

use super::{MemberRow, by_conversation, members};
use crate::{
    chat::message::{Message, Reaction, Status},
    store::{
        StoreError,
        database::{Connection, Sql, either, id, list, micros, moment, values},
    },
};

/// The names shown with a reaction. Each event about a message's reactions has them all.
const MAX_NAMES: u32 = 50;

/// The columns of a [`MessageRow`].
pub(in crate::store) const MESSAGE_COLUMNS: &str = "messages.id, messages.conversation_id, messages.seq, \
     sender, sender_key, content, client_msg_id, reply_to, edited_at, deleted_at, mentions, said_at";

#[derive(FromRow)]
pub(in crate::store) struct MessageRow {
    pub(in crate::store) id: i64,
    pub(in crate::store) conversation_id: String,
    pub(in crate::store) seq: i64,
    pub(in crate::store) sender: String,
    pub(in crate::store) sender_key: String,
    pub(in crate::store) content: String,
    pub(in crate::store) client_msg_id: Option<String>,
    pub(in crate::store) reply_to: Option<i64>,
    pub(in crate::store) edited_at: Option<i64>,
    pub(in crate::store) deleted_at: Option<i64>,
    pub(in crate::store) mentions: Option<String>,
    pub(in crate::store) said_at: Option<i64>,
}

/// Makes messages of rows: adds reactions, recipients and how far each got.
pub(in crate::store) async fn complete(
    connection: &mut Connection<'_>,
    rows: Vec<MessageRow>,
) -> Result<Vec<Message>, StoreError> {
    // Rooms have no members' markers to judge by; their ids have neither form.
    let private = rows.iter().map(|row| row.conversation_id.as_str());
    let private: BTreeSet<_> =
        private.filter(|id| id.starts_with("dm:") || id.starts_with("g-")).collect();
    let members = by_conversation(members(&mut *connection, &private).await?);
    complete_among(connection, rows, &members).await
}

/// The same, where the members of private conversations have been loaded.
pub(in crate::store) async fn complete_among(
    connection: &mut Connection<'_>,
    rows: Vec<MessageRow>,
    members: &HashMap<String, Vec<MemberRow>>,
) -> Result<Vec<Message>, StoreError> {
    let mut reactions = reactions(connection, rows.iter().map(|row| row.id)).await?;
    rows.into_iter()
        .map(|row| {
            let there = members.get(&row.conversation_id).map_or([].as_slice(), Vec::as_slice);
            let reactions = reactions.remove(&row.id).unwrap_or_default();
            message(row, there, reactions)
        })
        .collect()
}

fn message(
    row: MessageRow,
    members: &[MemberRow],
    reactions: Vec<Reaction>,
) -> Result<Message, StoreError> {
    let others = || members.iter().filter(|member| member.user_key != row.sender_key);
    let status = status(row.seq, others());
    let recipient = row.conversation_id.starts_with("dm:").then(|| others().next()).flatten();
    let recipient = recipient.map(|member| member.name.clone());
    let mut message = Message::new(
        id(row.id),
        moment(row.said_at.unwrap_or(row.id)),
        row.conversation_id,
        row.seq as u64,
        row.sender,
        row.content,
    );
    message.status = status;
    message.client_msg_id = row.client_msg_id;
    message.recipient = recipient;
    message.reply_to = row.reply_to.map(id);
    message.edited_at = row.edited_at.map(|at| moment(at).to_string());
    message.deleted = row.deleted_at.is_some();
    message.reactions = reactions;
    if let Some(mentions) = row.mentions {
        message.mentions = serde_json::from_str(&mentions)?;
    }
    Ok(message)
}

/// How far a message got: as far as the one among the others who is furthest behind.
fn status<'a>(seq: i64, others: impl Iterator<Item = &'a MemberRow>) -> Status {
    let marks = others.map(|member| (member.read_seq, member.delivered_seq));
    let least = marks.reduce(|one, other| (one.0.min(other.0), one.1.min(other.1)));
    match least {
        Some((read, _)) if read >= seq => Status::Read,
        Some((_, delivered)) if delivered >= seq => Status::Delivered,
        _ => Status::Sent,
    }
}

const REACTIONS: Sql = either(
    "select counts.message_id, counts.emoji, counts.count, ( \
       select json_group_array(first.user order by first.created_at, first.user_key) from ( \
         select user, created_at, user_key from reactions \
         where reactions.message_id = counts.message_id and reactions.emoji = counts.emoji \
         order by created_at, user_key limit $2) as first) \
     from json_each($1) as asked \
     cross join reaction_counts as counts on counts.message_id = asked.value ->> 0 \
     order by ( \
       select min(created_at) from reactions \
       where reactions.message_id = counts.message_id and reactions.emoji = counts.emoji), \
     counts.emoji",
    "select counts.message_id, counts.emoji, counts.count, ( \
       select json_agg(first.user order by first.created_at, first.user_key)::text from ( \
         select \"user\", created_at, user_key from reactions \
         where reactions.message_id = counts.message_id and reactions.emoji = counts.emoji \
         order by created_at, user_key limit $2) as first) \
     from jsonb_array_elements($1::jsonb) as asked \
     join reaction_counts as counts on counts.message_id = (asked.value ->> 0)::bigint \
     order by ( \
       select min(created_at) from reactions \
       where reactions.message_id = counts.message_id and reactions.emoji = counts.emoji), \
     counts.emoji",
);

/// Reactions by message, in the order in which their emoji were first used.
pub(in crate::store) async fn reactions(
    connection: &mut Connection<'_>,
    message_ids: impl Iterator<Item = i64>,
) -> Result<HashMap<i64, Vec<Reaction>>, StoreError> {
    let ids: Vec<i64> = message_ids.collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(i64, String, i64, String)> =
        connection.all(REACTIONS, values![&list(&ids)?, MAX_NAMES]).await?;
    let mut found: HashMap<i64, Vec<Reaction>> = HashMap::new();
    for (message_id, emoji, count, users) in rows {
        let users = serde_json::from_str(&users)?;
        let reaction = Reaction { emoji, users, count: count as u64 };
        found.entry(message_id).or_default().push(reaction);
    }
    Ok(found)
}

/// One message's row.
pub(in crate::store) async fn message_row(
    connection: &mut Connection<'_>,
    message_id: EventId,
) -> Result<Option<MessageRow>, StoreError> {
    let statement = format!("select {MESSAGE_COLUMNS} from messages where id = $1");
    connection.optional(statement, values![micros(message_id)]).await
}
