//! Rows, and what they become. Reads and the writer load them alike, each in its own snapshot.

mod message;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use common::{Audience, internal::UserRef};
use sqlx::FromRow;

pub(super) use self::message::{
    MESSAGE_COLUMNS, MessageRow, complete, complete_among, message_row, reactions,
};
use crate::{
    chat::{
        access::{Membership, Standing},
        conversation::{ConversationKind, History, Place},
        member::{MOST_WATCHERS, Member, Role},
        user::{Account, UserKind},
    },
    store::{
        StoreError,
        database::{Connection, Value, list, moment, values},
        known::PostMember,
    },
};

#[derive(FromRow)]
struct PlaceRow {
    id: String,
    kind: String,
    name: Option<String>,
    history: String,
    created_by: Option<String>,
    created_at: i64,
    last_seq: i64,
}

/// A member, with their key.
#[derive(Clone, FromRow)]
pub(super) struct MemberRow {
    pub(super) conversation_id: String,
    pub(super) user_key: String,
    pub(super) name: String,
    pub(super) role: String,
    pub(super) joined_seq: i64,
    pub(super) read_seq: i64,
    pub(super) delivered_seq: i64,
}

#[derive(FromRow)]
struct AccountRow {
    key: String,
    name: String,
    display_name: String,
    kind: String,
    password_hash: Option<String>,
    vouched: bool,
    admin: bool,
    epoch: i64,
    signed_out_at: Option<i64>,
    created_at: i64,
    deactivated_at: Option<i64>,
}

impl MemberRow {
    /// As other members see them.
    pub(super) fn to_member(&self) -> Member {
        Member {
            user: self.name.clone(),
            role: Role::from_text(&self.role),
            read_seq: self.read_seq as u64,
            delivered_seq: self.delivered_seq as u64,
        }
    }

    fn membership(&self) -> Membership {
        Membership { role: Role::from_text(&self.role), joined_seq: self.joined_seq as u64 }
    }

    pub(super) fn user(&self) -> UserRef {
        UserRef { name: self.name.clone(), key: self.user_key.clone() }
    }
}

/// A conversation.
pub(super) async fn place(
    connection: &mut Connection<'_>,
    conversation_id: &str,
) -> Result<Option<Place>, StoreError> {
    let row: Option<PlaceRow> = connection
        .optional(
            "select id, kind, name, history, created_by, created_at, last_seq \
         from conversations where id = $1",
            values![conversation_id],
        )
        .await?;
    Ok(row.map(|row| Place {
        kind: ConversationKind::from_text(&row.kind),
        history: History::from_text(&row.history),
        id: row.id,
        name: row.name,
        created_by: row.created_by,
        created_at: moment(row.created_at),
        last_seq: row.last_seq as u64,
    }))
}

/// One member.
pub(super) async fn member(
    connection: &mut Connection<'_>,
    conversation_id: &str,
    key: &str,
) -> Result<Option<MemberRow>, StoreError> {
    connection
        .optional(
            "select conversation_id, user_key, name, role, joined_seq, read_seq, \
         delivered_seq from members join users on users.key = user_key \
         where conversation_id = $1 and user_key = $2",
            values![conversation_id, key],
        )
        .await
}

/// All members of these conversations, in the order in which they came.
pub(super) async fn members(
    connection: &mut Connection<'_>,
    conversation_ids: &BTreeSet<&str>,
) -> Result<Vec<MemberRow>, StoreError> {
    if conversation_ids.is_empty() {
        return Ok(Vec::new());
    }
    connection
        .all(
            "select conversation_id, user_key, name, role, joined_seq, read_seq, \
         delivered_seq from json_each($1) as asked \
         cross join members on members.conversation_id = asked.value ->> 0 \
         join users on users.key = user_key order by joined_at, user_key",
            values![&list(conversation_ids)?],
        )
        .await
}

/// All members of a private conversation. A room's may be everybody, and nothing that happens there
/// depends on them: those are left out.
pub(super) async fn private_members(
    connection: &mut Connection<'_>,
    place: &Place,
) -> Result<Vec<MemberRow>, StoreError> {
    match place.kind {
        ConversationKind::Room => Ok(Vec::new()),
        _ => members(connection, &BTreeSet::from([place.id.as_str()])).await,
    }
}

/// Keys of those who are told what passes by in a private conversation, unless they are too many.
pub(super) async fn watchers(
    connection: &mut Connection<'_>,
    conversation_id: &str,
) -> Result<Option<Vec<String>>, StoreError> {
    let keys: Vec<(String,)> = connection
        .all(
            "select user_key from members where conversation_id = $1 order by user_key limit $2",
            values![conversation_id, MOST_WATCHERS + 1],
        )
        .await?;
    let few = keys.len() <= MOST_WATCHERS as usize;
    Ok(few.then(|| keys.into_iter().map(|(key,)| key).collect()))
}

/// A conversation, and what someone is to it; nothing if there is none of that id.
pub(super) async fn standing(
    connection: &mut Connection<'_>,
    conversation_id: &str,
    key: Option<&str>,
) -> Result<Option<(Place, Standing, Option<MemberRow>)>, StoreError> {
    let Some(place) = place(&mut *connection, conversation_id).await? else {
        return Ok(None);
    };
    let row = match key {
        Some(key) => member(connection, conversation_id, key).await?,
        None => None,
    };
    let membership = row.as_ref().map(MemberRow::membership);
    let standing = Standing { kind: place.kind, history: place.history, membership };
    Ok(Some((place, standing, row)))
}

/// An account.
pub(super) async fn account(
    connection: &mut Connection<'_>,
    key: &str,
) -> Result<Option<Account>, StoreError> {
    Ok(accounts(connection, "where key = $1", values![key]).await?.pop())
}

/// The accounts that a condition on these values picks.
pub(super) async fn accounts(
    connection: &mut Connection<'_>,
    condition: &'static str,
    values: &[Value<'_>],
) -> Result<Vec<Account>, StoreError> {
    let statement = format!(
        "select key, name, display_name, kind, password_hash, vouched, admin, epoch, \
         signed_out_at, created_at, deactivated_at from users {condition}"
    );
    let rows: Vec<AccountRow> = connection.all(statement, values).await?;
    Ok(rows
        .into_iter()
        .map(|row| Account {
            user: UserRef { name: row.name, key: row.key },
            display_name: row.display_name,
            kind: if row.kind == "member" { UserKind::Member } else { UserKind::Guest },
            password_hash: row.password_hash,
            vouched: row.vouched,
            admin: row.admin,
            epoch: row.epoch as u64,
            signed_out_at: row.signed_out_at.map(moment),
            created_at: moment(row.created_at),
            deactivated: row.deactivated_at.is_some(),
        })
        .collect())
}

/// Who may see what happens in a conversation, given its members.
pub(super) fn audience(place: &Place, members: &[MemberRow]) -> Audience {
    match place.kind {
        ConversationKind::Room => Audience::Room(place.id.clone()),
        _ => Audience::Users(keys(members)),
    }
}

/// The members' keys, in order.
pub(super) fn keys(members: &[MemberRow]) -> Vec<String> {
    let mut keys: Vec<_> = members.iter().map(|member| member.user_key.clone()).collect();
    keys.sort_unstable();
    keys
}

/// Members by their conversation, in the same order.
pub(super) fn by_conversation(members: Vec<MemberRow>) -> HashMap<String, Vec<MemberRow>> {
    let mut found: HashMap<String, Vec<MemberRow>> = HashMap::new();
    for member in members {
        found.entry(member.conversation_id.clone()).or_default().push(member);
    }
    found
}

/// Members by conversation, as the plan of posts needs them.
pub(super) fn post_members(
    members: Vec<MemberRow>,
) -> HashMap<String, BTreeMap<String, PostMember>> {
    let mut found: HashMap<String, BTreeMap<String, PostMember>> = HashMap::new();
    for member in members {
        let membership = member.membership();
        let there = found.entry(member.conversation_id).or_default();
        there.insert(member.user_key, PostMember { name: member.name, membership });
    }
    found
}
