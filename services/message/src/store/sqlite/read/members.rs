//! Who is in conversations, and who shares one.

use std::collections::BTreeMap;

use common::Audience;
use sqlx::{FromRow, SqlitePool};

use super::{id, rows};
use crate::{
    change::Refusal,
    conversation::{ConversationKind, JoinedMember, Role},
    store::{Allowed, StoreError, conversations::Roster},
};

#[derive(FromRow)]
struct JoinedRow {
    user_key: String,
    name: String,
    role: String,
    joined_at: i64,
    read_seq: i64,
    delivered_seq: i64,
}

/// A part of the members of a conversation.
pub(in crate::store::sqlite) async fn roster(
    readers: &SqlitePool,
    asker: Option<&str>,
    conversation_id: &str,
    after: Option<&str>,
    limit: u32,
) -> Allowed<Roster> {
    let mut tx = readers.begin().await?;
    let Some((place, standing, _)) = rows::standing(&mut tx, conversation_id, asker).await? else {
        return Ok(Err(Refusal::NoConversation));
    };
    if let Err(refusal) = standing.read() {
        return Ok(Err(refusal));
    }
    let found: Vec<JoinedRow> = sqlx::query_as(
        "select user_key, name, role, joined_at, read_seq, delivered_seq \
         from members cross join users on users.key = user_key \
         where conversation_id = $1 and user_key > $2 order by user_key limit $3",
    )
    .bind(conversation_id)
    // No key is empty.
    .bind(after.unwrap_or_default())
    .bind(limit + 1)
    .fetch_all(&mut *tx)
    .await?;
    let has_more = found.len() > limit as usize;
    let members = found.into_iter().take(limit as usize).map(|row| {
        // How far someone has read in a room is their own affair.
        let shown =
            place.kind != ConversationKind::Room || asker == Some(row.user_key.as_str());
        JoinedMember {
            user: row.name,
            role: Role::from_text(&row.role),
            joined_at: id(row.joined_at).timestamp(),
            read_seq: shown.then_some(row.read_seq as u64),
            delivered_seq: shown.then_some(row.delivered_seq as u64),
        }
    });
    Ok(Ok(Roster { members: members.collect(), has_more }))
}

/// Who may know that someone is typing.
pub(in crate::store::sqlite) async fn watchers(
    readers: &SqlitePool,
    asker: &str,
    conversation_id: &str,
    most: u32,
) -> Allowed<Option<Audience>> {
    let mut tx = readers.begin().await?;
    let standing = rows::standing(&mut tx, conversation_id, Some(asker)).await?;
    let Some((place, standing, _)) = standing else {
        return Ok(Err(Refusal::NoConversation));
    };
    if let Err(refusal) = standing.post() {
        return Ok(Err(refusal));
    }
    if place.kind == ConversationKind::Room {
        return Ok(Ok(Some(Audience::Room(place.id))));
    }
    let keys: Vec<(String,)> =
        sqlx::query_as("select user_key from members where conversation_id = $1 limit $2")
            .bind(conversation_id)
            .bind(most + 1)
            .fetch_all(&mut *tx)
            .await?;
    if keys.len() > most as usize {
        return Ok(Ok(None));
    }
    let others = keys.into_iter().map(|(key,)| key).filter(|key| key != asker);
    Ok(Ok(Some(Audience::Users(others.collect()))))
}

/// Whom users share a private conversation with. The forms of the ids leave rooms out, where
/// everybody is, before anyone in them is looked at.
pub(in crate::store::sqlite) async fn contacts(
    readers: &SqlitePool,
    keys: &[String],
    most: u32,
) -> Result<BTreeMap<String, Vec<String>>, StoreError> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "select asked.value, ( \
           select json_group_array(user_key) from ( \
             select distinct theirs.user_key from members as mine \
             cross join members as theirs on theirs.conversation_id = mine.conversation_id \
             where mine.user_key = asked.value and theirs.user_key <> asked.value \
             and (mine.conversation_id glob 'dm:*' or mine.conversation_id glob 'g-*') \
             limit $2)) \
         from json_each($1) as asked",
    )
    .bind(serde_json::to_string(keys)?)
    .bind(most)
    .fetch_all(readers)
    .await?;
    rows.into_iter().map(|(key, contacts)| Ok((key, serde_json::from_str(&contacts)?))).collect()
}
