//! Changing what was said: edits, deletions, reactions.

use std::collections::HashMap;

use common::{Audience, EventId, internal::UserRef};

use super::Changed;
use crate::{
    chat::{
        access::{self, Asker, Standing},
        change::{Actor, Answer, Refusal},
        conversation::{ConversationKind, History, Place},
        event::{
            self,
            kind::{MESSAGE_DELETED, MESSAGE_UPDATED, REACTION},
        },
        mention,
        message::Message,
    },
    store::{
        StoreError,
        database::{Connection, Sql, either, list, micros, since_1970, values},
        journal::Journal,
        rows,
    },
};

/// Kinds of reactions to one message. Each event about one lists them all.
const MAX_EMOJI: usize = 20;

/// A message that is to be changed, and who is told.
struct Found {
    row: rows::MessageRow,
    place: Place,
    standing: Standing,
    audience: Audience,
    /// Keys and names of the members of a private conversation.
    members: Vec<UserRef>,
}

async fn find(
    tx: &mut Connection<'_>,
    message_id: EventId,
    key: Option<&str>,
) -> Result<Option<Found>, StoreError> {
    let Some(row) = rows::message_row(tx, message_id).await? else {
        return Ok(None);
    };
    let Some((place, standing, _)) = rows::standing(tx, &row.conversation_id, key).await? else {
        return Ok(None);
    };
    let members = rows::private_members(tx, &place).await?;
    let mut told = members.clone();
    // Who may not read the message does not hear of it.
    told.retain(|member| place.history == History::All || member.joined_seq < row.seq);
    let audience = rows::audience(&place, &told);
    let members = members.iter().map(rows::MemberRow::user).collect();
    Ok(Some(Found { row, place, standing, audience, members }))
}

/// The message, if this rule lets the actor change it.
async fn find_allowed(
    tx: &mut Connection<'_>,
    actor: &Actor,
    message_id: EventId,
    rule: fn(Asker, &Standing, &str, u64) -> Result<(), Refusal>,
) -> Result<Result<Found, Refusal>, StoreError> {
    let key = actor.user.as_ref().map(|user| user.key.as_str());
    let Some(found) = find(tx, message_id, key).await? else {
        return Ok(Err(Refusal::NoMessage));
    };
    let asker = Asker { key, admin: actor.admin };
    let allowed = rule(asker, &found.standing, &found.row.sender_key, found.row.seq as u64);
    Ok(allowed.map(|()| found))
}

/// Changes what a message says.
pub(super) async fn edit(
    tx: &mut Connection<'_>,
    journal: &mut Journal,
    actor: &Actor,
    message_id: EventId,
    content: &str,
) -> Changed {
    let found = match find_allowed(tx, actor, message_id, access::edit).await? {
        Ok(found) => found,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if found.row.deleted_at.is_some() {
        return Ok(Err(Refusal::Deleted));
    }
    if found.row.content == content {
        return Ok(Ok(Answer::Message(load(tx, message_id).await?)));
    }
    let mentioned = mentioned(tx, &found, content).await?;
    let names: Vec<_> = mentioned.iter().map(|user| user.name.as_str()).collect();
    let names = (!names.is_empty()).then(|| serde_json::to_string(&names)).transpose()?;
    tx.execute(
        "update messages set content = $1, edited_at = $2, mentions = $3 where id = $4",
        values![content, since_1970(journal.now()), &names, micros(message_id)],
    )
    .await?;
    forget_mentions(tx, &found.row).await?;
    let place = found.place.id.as_str();
    let mentions = mentioned.iter().map(|user| (&*user.key, place, found.row.seq as u64));
    insert_mentions(tx, &mentions.collect::<Vec<_>>()).await?;
    let message = load(tx, message_id).await?;
    journal.record(MESSAGE_UPDATED, found.audience, |id| {
        event::message_changed(MESSAGE_UPDATED, id, &message)
    })?;
    Ok(Ok(Answer::Message(message)))
}

/// Leaves nothing of a message but its place. Deleting again changes nothing.
pub(super) async fn delete(
    tx: &mut Connection<'_>,
    journal: &mut Journal,
    actor: &Actor,
    message_id: EventId,
) -> Changed {
    let found = match find_allowed(tx, actor, message_id, access::delete).await? {
        Ok(found) => found,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if found.row.deleted_at.is_some() {
        return Ok(Ok(Answer::Message(load(tx, message_id).await?)));
    }
    tx.execute(
        "update messages set content = '', mentions = null, edited_at = null, deleted_at = $1 \
         where id = $2",
        values![since_1970(journal.now()), micros(message_id)],
    )
    .await?;
    forget_mentions(tx, &found.row).await?;
    tx.execute("delete from reactions where message_id = $1", values![micros(message_id)]).await?;
    // What was said must not be read from the log either.
    let message = load(tx, message_id).await?;
    redact(tx, &message, found.row.edited_at.is_some()).await?;
    journal.record(MESSAGE_DELETED, found.audience, |id| {
        event::message_changed(MESSAGE_DELETED, id, &message)
    })?;
    Ok(Ok(Answer::Message(message)))
}

/// Reacts to a message, or takes that back.
pub(super) async fn react(
    tx: &mut Connection<'_>,
    journal: &mut Journal,
    user: &UserRef,
    message_id: EventId,
    emoji: &str,
    take_back: bool,
) -> Changed {
    let Some(found) = find(tx, message_id, Some(&user.key)).await? else {
        return Ok(Err(Refusal::NoMessage));
    };
    if let Err(refusal) = found.standing.read_message(found.row.seq as u64) {
        return Ok(Err(refusal));
    }
    if found.row.deleted_at.is_some() {
        return Ok(Err(Refusal::Deleted));
    }
    let changed = if take_back {
        let statement =
            "delete from reactions where message_id = $1 and emoji = $2 and user_key = $3";
        tx.execute(statement, values![micros(message_id), emoji, &user.key]).await? > 0
    } else {
        let before = rows::reactions(tx, [micros(message_id)].into_iter()).await?;
        let before = before.into_values().next().unwrap_or_default();
        let is_new = before.iter().all(|reaction| reaction.emoji != emoji);
        if is_new && before.len() >= MAX_EMOJI {
            return Ok(Err(Refusal::TooManyReactions));
        }
        let statement = "insert into reactions (message_id, emoji, user_key, \"user\", created_at) \
                         values ($1, $2, $3, $4, $5) on conflict do nothing";
        let at = micros(journal.here());
        let values = values![micros(message_id), emoji, &user.key, &user.name, at];
        tx.execute(statement, values).await? > 0
    };
    let message = load(tx, message_id).await?;
    if changed {
        let place = &found.place.id;
        journal.record(REACTION, found.audience, |id| {
            let reactions = &message.reactions;
            event::reaction(id, place, message_id, &user.name, emoji, !take_back, reactions)
        })?;
    }
    Ok(Ok(Answer::Message(message)))
}

async fn load(tx: &mut Connection<'_>, message_id: EventId) -> Result<Message, StoreError> {
    let row = rows::message_row(tx, message_id).await?;
    let messages = rows::complete(tx, row.into_iter().collect()).await?;
    // It has been found in this very transaction.
    messages.into_iter().next().ok_or(StoreError::Database(sqlx::Error::RowNotFound))
}

async fn mentioned(
    tx: &mut Connection<'_>,
    found: &Found,
    content: &str,
) -> Result<Vec<UserRef>, StoreError> {
    let known: HashMap<String, String> = if found.place.kind == ConversationKind::Room {
        let users: Vec<(String, String)> = tx
            .all(
                "select users.key, name from json_each($1) as asked \
             cross join users on users.key = asked.value ->> 0",
                values![&list(mention::candidates(content))?],
            )
            .await?;
        users.into_iter().collect()
    } else {
        found.members.iter().map(|user| (user.key.clone(), user.name.clone())).collect()
    };
    let called = mention::called(content, |key| known.contains_key(key));
    let others = called.into_iter().filter(|key| *key != found.row.sender_key);
    Ok(others
        .filter_map(|key| known.get(&key).cloned().map(|name| UserRef { name, key }))
        .collect())
}

/// Adds mentions: by whose key, where, and the seq of the message.
pub(super) async fn insert_mentions(
    tx: &mut Connection<'_>,
    mentions: &[(&str, &str, u64)],
) -> Result<(), StoreError> {
    if mentions.is_empty() {
        return Ok(());
    }
    tx.execute(
        "insert into mentions (user_key, conversation_id, seq) \
         select value ->> 0, value ->> 1, cast(value ->> 2 as bigint) from json_each($1)",
        values![&serde_json::to_string(mentions)?],
    )
    .await?;
    Ok(())
}

async fn forget_mentions(
    tx: &mut Connection<'_>,
    row: &rows::MessageRow,
) -> Result<(), StoreError> {
    let Some(names) = &row.mentions else {
        return Ok(());
    };
    let names: Vec<String> = serde_json::from_str(names)?;
    let keys: Vec<String> = names.iter().map(|name| crate::chat::username::fold(name)).collect();
    tx.execute(
        "delete from mentions where user_key in (select value ->> 0 from json_each($1)) \
         and conversation_id = $2 and seq = $3",
        values![&list(&keys)?, &row.conversation_id, row.seq],
    )
    .await?;
    Ok(())
}

const REDACT_EDITS: Sql = either(
    "update events set data = json_set(data, '$.message', json($1)) \
     where type = 'message_updated' and data ->> '$.message.id' = $2",
    "update events set data = jsonb_set(data::jsonb, '{message}', $1::jsonb)::text \
     where type = 'message_updated' and data::json -> 'message' ->> 'id' = $2",
);

/// Replaces what the log says of a message: whoever catches up gets the tombstone.
async fn redact(
    tx: &mut Connection<'_>,
    message: &Message,
    was_edited: bool,
) -> Result<(), StoreError> {
    tx.execute(
        "update events set data = $1 where id = $2 and type = 'message'",
        values![&serde_json::to_string(message)?, micros(message.id)],
    )
    .await?;
    if !was_edited {
        return Ok(());
    }
    // Edits carry it too; they become what the deletion says.
    tx.execute(REDACT_EDITS, values![&serde_json::to_string(message)?, &message.id.to_string()])
        .await?;
    Ok(())
}
