//! Conversations as one user sees them.
//!
//! A list costs four statements whatever its length: the conversations with what is counted, their
//! members, their newest messages, the reactions to those.

use std::collections::{BTreeSet, HashMap};

use common::EventId;
use sqlx::FromRow;

use super::log::floor_and_head;
use crate::{
    chat::{
        change::Refusal,
        conversation::{Conversation, ConversationKind, History, Place},
        member::Role,
        message::Message,
    },
    store::{
        Allowed, Listed, Listing, StoreError,
        database::{Connection, Pool, id, micros, moment, values},
        rows,
    },
};

/// A conversation and what its reader is to it.
#[derive(FromRow)]
struct SeenRow {
    id: String,
    kind: String,
    name: Option<String>,
    history: String,
    created_by: Option<String>,
    created_at: i64,
    active_at: i64,
    last_seq: i64,
    role: Option<String>,
    joined_seq: Option<i64>,
    read_seq: Option<i64>,
    unread: i64,
    mentions: i64,
    member_count: Option<i64>,
}

/// Where the ids to choose from come from; `$1` is the reader's key, `$5` an id.
const MINE: &str = "select conversation_id as id from members where user_key = $1";
const MINE_AND_PUBLIC: &str =
    "select conversation_id as id from members where user_key = $1 union select 'public'";
const ROOMS: &str = "select id from conversations where kind = 'room'";
const ONE: &str = "select $5 as id";

/// The conversations of a user.
pub(in crate::store) async fn list(
    readers: &Pool,
    asker: Option<&str>,
    listing: Listing,
) -> Result<Listed, StoreError> {
    let source = match (asker, listing.kind) {
        (_, Some(ConversationKind::Room)) | (None, None) => ROOMS,
        (_, Some(_)) => MINE,
        (Some(_), None) => MINE_AND_PUBLIC,
    };
    let mut tx = readers.snapshot().await?;
    // One more than asked for tells whether there are more.
    let wanted = Listing { limit: listing.limit + 1, ..listing };
    let mut rows = seen(&mut tx, asker, source, wanted, None).await?;
    let more = rows.len() > listing.limit as usize;
    rows.truncate(listing.limit as usize);
    let next = rows.last().filter(|_| more).map(|last| id(last.active_at));
    let conversations = complete(&mut tx, rows).await?;
    Ok(Listed { conversations, next, cursor: floor_and_head(&mut tx).await?.1 })
}

/// One conversation, and how far the log went.
pub(in crate::store) async fn one(
    readers: &Pool,
    asker: Option<&str>,
    conversation_id: &str,
) -> Allowed<(Conversation, EventId)> {
    let mut tx = readers.snapshot().await?;
    let Some((_, standing, _)) = rows::standing(&mut tx, conversation_id, asker).await? else {
        return Ok(Err(Refusal::NoConversation));
    };
    if let Err(refusal) = standing.read() {
        return Ok(Err(refusal));
    }
    let listing = Listing { kind: None, before: None, skip: 0, limit: 1 };
    let rows = seen(&mut tx, asker, ONE, listing, Some(conversation_id)).await?;
    let Some(conversation) = complete(&mut tx, rows).await?.pop() else {
        return Ok(Err(Refusal::NoConversation));
    };
    Ok(Ok((conversation, floor_and_head(&mut tx).await?.1)))
}

/// Counts stop at 100, and are made among the newest thousand messages: somebody's own ones, and deleted
/// ones, do not count. They are not made at all where everything has been read.
async fn seen(
    tx: &mut Connection<'_>,
    asker: Option<&str>,
    source: &str,
    listing: Listing,
    only: Option<&str>,
) -> Result<Vec<SeenRow>, StoreError> {
    // Materialized: what is counted is counted for the rows of the page, not before they are
    // chosen.
    let statement = format!(
        "with listed as materialized ( \
           select conversations.* from ({source}) as source \
           cross join conversations on conversations.id = source.id \
           where ($2 is null or kind = $2) and active_at < $3 \
           order by active_at desc, conversations.id limit $4 offset $6) \
         select listed.id, kind, name, history, created_by, created_at, active_at, last_seq, \
           role, joined_seq, read_seq, member_count, \
           case when read_seq < last_seq then ( \
             select count(*) from (select 1 from ( \
               select sender_key, deleted_at from messages \
               where messages.conversation_id = listed.id and messages.seq > mine.read_seq \
               order by messages.seq desc limit 1000) as newest \
             where sender_key <> $1 and deleted_at is null limit 100) as counted) else 0 end as unread, \
           case when read_seq < last_seq then ( \
             select count(*) from (select 1 from mentions \
               where mentions.user_key = $1 and mentions.conversation_id = listed.id \
               and mentions.seq > mine.read_seq limit 100) as counted) else 0 end as mentions \
         from listed left join members as mine \
           on mine.conversation_id = listed.id and mine.user_key = $1 \
         order by active_at desc, listed.id"
    );
    tx.all(
        statement,
        values![
            asker,
            listing.kind.map(ConversationKind::as_str),
            listing.before.map_or(i64::MAX, micros),
            listing.limit,
            only,
            listing.skip
        ],
    )
    .await
}

/// Adds members and newest messages.
async fn complete(
    tx: &mut Connection<'_>,
    seen: Vec<SeenRow>,
) -> Result<Vec<Conversation>, StoreError> {
    let private = seen.iter().filter(|row| row.kind != ConversationKind::Room.as_str());
    let private: BTreeSet<&str> = private.map(|row| row.id.as_str()).collect();
    let members = rows::by_conversation(rows::members(tx, &private).await?);
    let newest: Vec<(&str, i64)> = seen
        .iter()
        .filter(|row| row.last_seq > row.hidden())
        .map(|row| (row.id.as_str(), row.last_seq))
        .collect();
    let messages = messages_at(tx, &newest).await?;
    let messages = rows::complete_among(tx, messages, &members).await?;
    let mut messages: HashMap<String, Message> =
        messages.into_iter().map(|message| (message.conversation_id.clone(), message)).collect();
    Ok(seen
        .into_iter()
        .map(|row| {
            let there = members.get(&row.id);
            let there = there.map(|there| there.iter().map(rows::MemberRow::to_member).collect());
            let last_message = messages.remove(&row.id);
            row.into_conversation(there, last_message)
        })
        .collect())
}

/// The messages at these places.
async fn messages_at(
    tx: &mut Connection<'_>,
    places: &[(&str, i64)],
) -> Result<Vec<rows::MessageRow>, StoreError> {
    if places.is_empty() {
        return Ok(Vec::new());
    }
    let statement = format!(
        "select {} from json_each($1) as asked cross join messages \
         on messages.conversation_id = asked.value ->> 0 \
         and messages.seq = cast(asked.value ->> 1 as bigint)",
        rows::MESSAGE_COLUMNS
    );
    tx.all(statement, values![&serde_json::to_string(places)?]).await
}

impl SeenRow {
    /// The seq up to which its reader may not read, by the rule of
    /// [`Standing::read`](crate::chat::access::Standing::read).
    fn hidden(&self) -> i64 {
        let joined = self.kind == ConversationKind::Group.as_str()
            && History::from_text(&self.history) == History::Joined;
        if joined { self.joined_seq.unwrap_or(0) } else { 0 }
    }

    fn into_conversation(
        self,
        members: Option<Vec<crate::chat::member::Member>>,
        last_message: Option<Message>,
    ) -> Conversation {
        let place = Place {
            kind: ConversationKind::from_text(&self.kind),
            history: History::from_text(&self.history),
            id: self.id,
            name: self.name,
            created_by: self.created_by,
            created_at: moment(self.created_at),
            last_seq: self.last_seq as u64,
        };
        let room = place.kind == ConversationKind::Room;
        Conversation {
            card: place.card(members),
            joined: self.role.is_some(),
            role: self.role.as_deref().map(Role::from_text),
            last_message,
            unread: self.unread as u64,
            mentions: self.mentions as u64,
            read_seq: self.read_seq.unwrap_or(0) as u64,
            member_count: room.then_some(self.member_count.unwrap_or(0) as u64),
        }
    }
}
