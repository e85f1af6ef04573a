//! Storing a run of posts.

use std::{
    cell::OnceCell,
    collections::{BTreeSet, HashMap},
};

use common::{EventId, Moment};
use serde::Serialize;
use sqlx::FromRow;

use super::{conversation, marker, message, user};
use crate::{
    chat::{
        change::Outcome,
        conversation::{ConversationKind, History},
        mention,
        post::{Claim, Post, Target},
    },
    store::{
        StoreError,
        database::{Connection, id, list, micros, values},
        journal::Journal,
        known::{Keyed, Known, KnownKeys, PostPlace},
        looks,
        plan::{NewGuest, NewMessage, Plan},
        rows,
    },
};

#[derive(FromRow)]
struct KeyedRow {
    #[sqlx(flatten)]
    message: rows::MessageRow,
    digest: String,
}

/// A message as `json_each` hands it to the insert.
#[derive(Serialize)]
struct InsertMessage<'a>(
    u64,
    &'a str,
    u64,
    &'a str,
    &'a str,
    &'a str,
    Option<&'a str>,
    Option<&'a str>,
    Option<u64>,
    Option<String>,
    Option<u64>,
);

/// Stores posts and their events; returns an outcome for each.
pub(super) async fn store(
    tx: &mut Connection<'_>,
    journal: &mut Journal,
    posts: &[&Post],
) -> Result<Vec<Outcome>, StoreError> {
    let users = users(tx, posts).await?;
    let said = posts.iter().filter(|post| post.sender.claim != Claim::Shown);
    let said = said.flat_map(|post| {
        let name = &post.sender.name;
        let shown = users.get(name.key()).map(|(shown, _)| shown.as_str());
        [name.as_str()].into_iter().chain(shown).map(|spelling| (name.key(), spelling))
    });
    let said: Vec<_> = said.collect::<BTreeSet<_>>().into_iter().collect();
    let known = Known {
        lookalikes: looks::alike(tx, &said).await?,
        users,
        places: places(tx, posts).await?,
        keys: known_keys(tx, posts).await?,
        replies: replies(tx, posts).await?,
    };
    let plan = Plan::new(posts, known, journal)?;
    if let Some(NewGuest { at, .. }) = plan.guests.first() {
        let names: Vec<_> = plan.guests.iter().map(|guest| &guest.name).collect();
        user::add_guests(tx, *at, &names).await?;
    }
    for place in &plan.directs {
        conversation::insert_direct(tx, journal.here(), place).await?;
    }
    if !plan.messages.is_empty() {
        insert(tx, &plan).await?;
        marker::keep_up(tx, journal, &plan.messages).await?;
    }
    Ok(plan.outcomes)
}

/// Who is known of those whom the posts name: senders, recipients, and words that may be mentions.
async fn users(
    tx: &mut Connection<'_>,
    posts: &[&Post],
) -> Result<HashMap<String, (String, bool)>, StoreError> {
    let mut keys: BTreeSet<String> = BTreeSet::new();
    for post in posts {
        // One that was made up too: somebody may have made it theirs since.
        keys.insert(post.sender.name.key().to_owned());
        if let Target::Direct { recipient, .. } = &post.target {
            keys.insert(recipient.key().to_owned());
        }
        keys.extend(mention::candidates(&post.content));
    }
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(String, String, bool)> = tx
        .all(
            "select users.key, name, \
         password_hash is not null or vouched or deactivated_at is not null \
         from json_each($1) as asked cross join users on users.key = asked.value ->> 0",
            values![&list(&keys)?],
        )
        .await?;
    Ok(rows.into_iter().map(|(key, name, protected)| (key, (name, protected))).collect())
}

/// The conversations that the posts name and that exist.
async fn places(
    tx: &mut Connection<'_>,
    posts: &[&Post],
) -> Result<HashMap<String, PostPlace>, StoreError> {
    let named: BTreeSet<_> = posts.iter().map(|post| post.conversation_id()).collect();
    let rows: Vec<(String, String, String, i64)> = tx
        .all(
            "select id, kind, history, last_seq from conversations \
         where id in (select value ->> 0 from json_each($1))",
            values![&list(&named)?],
        )
        .await?;
    let private = rows.iter().filter(|(_, kind, ..)| kind != ConversationKind::Room.as_str());
    let private = private.map(|(id, ..)| id.as_str()).collect();
    let mut members = rows::post_members(rows::members(tx, &private).await?);
    Ok(rows
        .into_iter()
        .map(|(id, kind, history, last_seq)| {
            let members = members.remove(&id).unwrap_or_default();
            let kind = ConversationKind::from_text(&kind);
            let history = History::from_text(&history);
            let last_seq = last_seq as u64;
            (id, PostPlace { kind, history, last_seq, members, audience: OnceCell::new() })
        })
        .collect())
}

/// The messages already stored under keys of the posts.
async fn known_keys(tx: &mut Connection<'_>, posts: &[&Post]) -> Result<KnownKeys, StoreError> {
    let keys: Vec<(&str, &str)> = posts
        .iter()
        .filter_map(|post| Some((post.sender.name.key(), post.client_msg_id.as_deref()?)))
        .collect();
    if keys.is_empty() {
        return Ok(KnownKeys::new());
    }
    let statement = format!(
        "select {}, digest from json_each($1) as asked cross join messages \
         on sender_key = asked.value ->> 0 and client_msg_id = asked.value ->> 1",
        rows::MESSAGE_COLUMNS
    );
    let found: Vec<KeyedRow> = tx.all(statement, values![&serde_json::to_string(&keys)?]).await?;
    let (keyed, messages): (Vec<_>, Vec<_>) = found
        .into_iter()
        .map(|row| {
            let key = row.message.client_msg_id.clone().unwrap_or_default();
            (((row.message.sender_key.clone(), key), row.digest), row.message)
        })
        .unzip();
    let messages = rows::complete(tx, messages).await?;
    Ok(keyed
        .into_iter()
        .zip(messages)
        .map(|((key, digest), message)| (key, Keyed { message, digest }))
        .collect())
}

/// The messages that the posts answer.
async fn replies(
    tx: &mut Connection<'_>,
    posts: &[&Post],
) -> Result<HashMap<EventId, (String, u64)>, StoreError> {
    let ids: Vec<i64> = posts.iter().filter_map(|post| post.reply_to).map(micros).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(i64, String, i64)> = tx
        .all(
            "select id, conversation_id, seq from messages \
         where id in (select cast(value ->> 0 as bigint) from json_each($1))",
            values![&list(&ids)?],
        )
        .await?;
    Ok(rows.into_iter().map(|(at, place, seq)| (id(at), (place, seq as u64))).collect())
}

async fn insert(tx: &mut Connection<'_>, plan: &Plan) -> Result<(), StoreError> {
    let rows = plan.messages.iter().map(insert_message).collect::<Result<Vec<_>, _>>()?;
    // One statement whatever the size of the batch: prepared once, one trip to the database.
    tx.execute(
        "insert into messages (id, conversation_id, seq, sender, sender_key, content, \
         client_msg_id, digest, reply_to, mentions, said_at) select cast(value ->> 0 as \
         bigint), value ->> 1, cast(value ->> 2 as bigint), value ->> 3, value ->> 4, \
         value ->> 5, value ->> 6, value ->> 7, cast(value ->> 8 as bigint), value ->> \
         9, cast(value ->> 10 as bigint) from json_each($1)",
        values![&serde_json::to_string(&rows)?],
    )
    .await?;
    let mentions: Vec<(&str, &str, u64)> = plan
        .messages
        .iter()
        .flat_map(|NewMessage { message, mentioned, .. }| {
            let id = message.conversation_id.as_str();
            mentioned.iter().map(move |key| (key.as_str(), id, message.seq))
        })
        .collect();
    message::insert_mentions(tx, &mentions).await?;
    let moved: Vec<(&str, u64, u64)> =
        plan.moved.iter().map(|(id, (seq, at))| (id.as_str(), *seq, at.micros())).collect();
    tx.execute(
        "update conversations set last_seq = cast(moved.value ->> 1 as bigint), \
         active_at = cast(moved.value ->> 2 as bigint) from json_each($1) as moved \
         where conversations.id = moved.value ->> 0",
        values![&serde_json::to_string(&moved)?],
    )
    .await?;
    Ok(())
}

fn insert_message(new: &NewMessage) -> Result<InsertMessage<'_>, serde_json::Error> {
    let NewMessage { message, sender_key, digest, said_at, .. } = new;
    let mentions = (!message.mentions.is_empty()).then(|| serde_json::to_string(&message.mentions));
    Ok(InsertMessage(
        message.id.micros(),
        &message.conversation_id,
        message.seq,
        &message.user,
        sender_key,
        &message.content,
        message.client_msg_id.as_deref(),
        digest.as_deref(),
        message.reply_to.map(EventId::micros),
        mentions.transpose()?,
        said_at.map(Moment::micros),
    ))
}
