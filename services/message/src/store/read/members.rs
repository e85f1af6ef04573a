//! Who is in conversations, and who shares one.

use std::collections::BTreeMap;

use common::Audience;
use sqlx::FromRow;

use crate::{
    chat::{
        change::Refusal,
        conversation::ConversationKind,
        member::{JoinedMember, Role},
    },
    store::{
        Allowed, Roster, StoreError,
        database::{Pool, Sql, either, list, moment, values},
        rows,
    },
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

impl JoinedRow {
    /// As the one with the key `asker` sees them.
    fn seen_by(self, asker: Option<&str>, kind: ConversationKind) -> JoinedMember {
        // How far someone has read in a room is their own affair.
        let shown = kind != ConversationKind::Room || asker == Some(self.user_key.as_str());
        JoinedMember {
            user: self.name,
            role: Role::from_text(&self.role),
            joined_at: moment(self.joined_at).to_string(),
            read_seq: shown.then_some(self.read_seq as u64),
            delivered_seq: shown.then_some(self.delivered_seq as u64),
        }
    }
}

/// A part of the members of a conversation.
pub(in crate::store) async fn roster(
    readers: &Pool,
    asker: Option<&str>,
    conversation_id: &str,
    after: Option<&str>,
    limit: u32,
) -> Allowed<Roster> {
    // No key is empty.
    let range = (after.unwrap_or_default(), None);
    let found = joined(readers, asker, conversation_id, range, limit + 1).await?;
    Ok(found.map(|mut members| {
        let has_more = members.len() > limit as usize;
        members.truncate(limit as usize);
        Roster { members, has_more }
    }))
}

/// One member.
pub(in crate::store) async fn one(
    readers: &Pool,
    asker: Option<&str>,
    conversation_id: &str,
    key: &str,
) -> Allowed<Option<JoinedMember>> {
    let found = joined(readers, asker, conversation_id, ("", Some(key)), 1).await?;
    Ok(found.map(|mut members| members.pop()))
}

/// The members whose keys follow one, or the one with a key.
async fn joined(
    readers: &Pool,
    asker: Option<&str>,
    conversation_id: &str,
    (after, only): (&str, Option<&str>),
    limit: u32,
) -> Allowed<Vec<JoinedMember>> {
    let mut tx = readers.snapshot().await?;
    let Some((place, standing, _)) = rows::standing(&mut tx, conversation_id, asker).await? else {
        return Ok(Err(Refusal::NoConversation));
    };
    if let Err(refusal) = standing.read() {
        return Ok(Err(refusal));
    }
    let condition = if only.is_some() { "user_key = $3" } else { "user_key > $2" };
    let statement = format!(
        "select user_key, name, role, joined_at, read_seq, delivered_seq \
         from members cross join users on users.key = user_key \
         where conversation_id = $1 and {condition} order by user_key limit $4"
    );
    let found: Vec<JoinedRow> =
        tx.all(statement, values![conversation_id, after, only, limit]).await?;
    Ok(Ok(found.into_iter().map(|row| row.seen_by(asker, place.kind)).collect()))
}

/// Who may know that someone is typing.
pub(in crate::store) async fn watchers(
    readers: &Pool,
    asker: &str,
    conversation_id: &str,
) -> Allowed<Option<Audience>> {
    let mut tx = readers.snapshot().await?;
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
    let watchers = rows::watchers(&mut tx, conversation_id).await?;
    Ok(Ok(watchers.map(|mut keys| {
        keys.retain(|key| key != asker);
        Audience::Users(keys)
    })))
}

const CONTACTS: Sql = either(
    "select asked.value ->> 0, ( \
       select json_group_array(user_key) from ( \
         select distinct theirs.user_key from members as mine \
         cross join members as theirs on theirs.conversation_id = mine.conversation_id \
         where mine.user_key = asked.value ->> 0 and theirs.user_key <> asked.value ->> 0 \
         and (mine.conversation_id glob 'dm:*' or mine.conversation_id glob 'g-*') \
         limit $2)) \
     from json_each($1) as asked",
    "select asked.value ->> 0, ( \
       select coalesce(json_agg(user_key), '[]')::text from ( \
         select distinct theirs.user_key from members as mine \
         join members as theirs on theirs.conversation_id = mine.conversation_id \
         where mine.user_key = asked.value ->> 0 and theirs.user_key <> asked.value ->> 0 \
         and (mine.conversation_id like 'dm:%' or mine.conversation_id like 'g-%') \
         limit $2) as shared) \
     from jsonb_array_elements($1::jsonb) as asked",
);

/// Whom users share a private conversation with. The forms of the ids leave rooms out, where
/// everybody is, before anyone in them is looked at.
pub(in crate::store) async fn contacts(
    readers: &Pool,
    keys: &[String],
    most: u32,
) -> Result<BTreeMap<String, Vec<String>>, StoreError> {
    let rows: Vec<(String, String)> =
        readers.connection().await?.all(CONTACTS, values![&list(keys)?, most]).await?;
    rows.into_iter().map(|(key, contacts)| Ok((key, serde_json::from_str(&contacts)?))).collect()
}
