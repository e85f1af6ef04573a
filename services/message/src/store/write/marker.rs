//! Markers: how far users have read, and what has reached them.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use common::{
    Audience, EventId,
    internal::{Delivered, UserRef},
};
use sqlx::FromRow;

use super::Changed;
use crate::{
    chat::{
        change::{Answer, Mark, Receipt, Refusal},
        conversation::ConversationKind,
    },
    store::{
        StoreError,
        database::{Connection, micros, values},
        journal::Journal,
        plan::NewMessage,
        rows,
    },
};

#[derive(FromRow)]
struct Moved {
    conversation_id: String,
    read_seq: i64,
    delivered_seq: i64,
}

#[derive(FromRow)]
struct Kept {
    #[sqlx(flatten)]
    moved: Moved,
    user_key: String,
    name: String,
    kind: String,
}

/// Moves a user's markers forward in a conversation that they may read.
pub(super) async fn mark(
    tx: &mut Connection<'_>,
    journal: &mut Journal,
    user: &UserRef,
    mark: &Mark,
) -> Changed {
    let mut listeners = Listeners::default();
    Ok(advance(tx, journal, user, mark, &mut listeners).await?.map(|()| Answer::Done))
}

/// Moves a user's markers forward in those of the conversations that they may read: whoever has
/// been removed from one meanwhile has still read the others.
pub(super) async fn mark_all(
    tx: &mut Connection<'_>,
    journal: &mut Journal,
    user: &UserRef,
    marks: &[Mark],
) -> Changed {
    let mut listeners = Listeners::default();
    for mark in marks {
        // What is refused is nothing that was written: the others stand.
        let _refusal = advance(tx, journal, user, mark, &mut listeners).await?;
    }
    Ok(Ok(Answer::Done))
}

async fn advance(
    tx: &mut Connection<'_>,
    journal: &mut Journal,
    user: &UserRef,
    mark: &Mark,
    listeners: &mut Listeners,
) -> Result<Result<(), Refusal>, StoreError> {
    let standing = rows::standing(tx, &mark.conversation_id, Some(&user.key)).await?;
    let Some((place, standing, row)) = standing else {
        return Ok(Err(Refusal::NoConversation));
    };
    if let Err(refusal) = standing.read() {
        return Ok(Err(refusal));
    }
    // Who reads a room without having joined it has no markers there.
    if row.is_none() {
        return Ok(Ok(()));
    }
    let within = |seq: u64| seq.min(place.last_seq) as i64;
    let read = mark.read.map_or(0, within);
    let delivered = mark.delivered.map_or(0, within).max(read);
    let moved: Option<Moved> = tx
        .optional(
            "update members set marked_at = $5, \
             read_seq = case when read_seq < $3 then $3 else read_seq end, \
             delivered_seq = case when delivered_seq < $4 then $4 else delivered_seq end \
             where conversation_id = $1 and user_key = $2 \
             and (read_seq < $3 or delivered_seq < $4) \
             returning conversation_id, read_seq, delivered_seq",
            values![&place.id, &user.key, read, delivered, micros(journal.here())],
        )
        .await?;
    if let Some(moved) = moved {
        listeners.tell(tx, journal, user, place.kind, moved).await?;
    }
    Ok(Ok(()))
}

/// Moves the markers of those who said something and had read everything before: what somebody says
/// they have read, on all of their devices. What others said meanwhile stays unread.
pub(super) async fn keep_up(
    tx: &mut Connection<'_>,
    journal: &mut Journal,
    said: &[NewMessage],
) -> Result<(), StoreError> {
    // The first that each of them said, and what they said right after it.
    let mut runs: BTreeMap<(&str, &str), (u64, u64)> = BTreeMap::new();
    for NewMessage { message, sender_key, .. } in said {
        let run = runs
            .entry((&message.conversation_id, sender_key))
            .or_insert((message.seq - 1, message.seq));
        if run.1 + 1 == message.seq {
            run.1 = message.seq;
        }
    }
    let runs = runs.into_iter().map(|((place, key), (from, to))| (place, key, from, to));
    let runs = serde_json::to_string(&runs.collect::<Vec<_>>())?;
    let moved: Vec<Kept> = tx
        .all(
            "update members set read_seq = said.upto, marked_at = $2, \
             delivered_seq = case when delivered_seq < said.upto then said.upto \
               else delivered_seq end \
             from (select value ->> 0 as place, value ->> 1 as key, \
               cast(value ->> 2 as bigint) as since, cast(value ->> 3 as bigint) as upto \
               from json_each($1) as runs) as said \
             where members.conversation_id = said.place and members.user_key = said.key \
             and read_seq = said.since \
             returning conversation_id, read_seq, delivered_seq, user_key, \
             (select name from users where users.key = user_key) as name, \
             (select kind from conversations where conversations.id = conversation_id) as kind",
            values![&runs, micros(journal.here())],
        )
        .await?;
    let mut listeners = Listeners::default();
    for Kept { moved, user_key, name, kind } in moved {
        let user = UserRef { name, key: user_key };
        let kind = ConversationKind::from_text(&kind);
        listeners.tell(tx, journal, &user, kind, moved).await?;
    }
    Ok(())
}

/// Notes that everything addressed to these users, up to an event, has reached them.
pub(super) async fn deliver(
    tx: &mut Connection<'_>,
    journal: &mut Journal,
    delivered: &[Delivered],
) -> Changed {
    let mut listeners = Listeners::default();
    for Delivered { user, up_to, direct } in delivered {
        let Some(account) = rows::account(tx, user).await? else {
            continue;
        };
        let moved: Vec<Moved> = reached(tx, journal, user, *up_to, *direct).await?;
        for moved in moved {
            let kind = if moved.conversation_id.starts_with("dm:") {
                ConversationKind::Direct
            } else {
                ConversationKind::Group
            };
            listeners.tell(tx, journal, &account.user, kind, moved).await?;
        }
    }
    Ok(Ok(Answer::Done))
}

/// Only private conversations: in rooms nobody asks what has reached whom.
async fn reached(
    tx: &mut Connection<'_>,
    journal: &Journal,
    key: &str,
    up_to: EventId,
    direct: bool,
) -> Result<Vec<Moved>, StoreError> {
    tx.all(
        // Seqs follow ids, and only the index by id begins where `up_to` is.
        "update members set marked_at = $3, delivered_seq = reached.seq from ( \
           select mine.conversation_id, ( \
             select seq from messages where messages.conversation_id = mine.conversation_id \
             and messages.id <= $2 order by messages.id desc limit 1) as seq \
           from members as mine \
           join conversations on conversations.id = mine.conversation_id \
           where mine.user_key = $1 and kind <> 'room' \
           and (kind = 'direct' or not $4) and mine.delivered_seq < last_seq \
         ) as reached \
         where user_key = $1 and members.conversation_id = reached.conversation_id \
         and delivered_seq < reached.seq \
         returning members.conversation_id, read_seq, delivered_seq",
        values![key, micros(up_to), micros(journal.here()), direct],
    )
    .await
}

/// Who hears of markers that move, by conversation; unless they are too many.
///
/// One report can move the markers of everybody in a group: the list is loaded once, and shared.
#[derive(Default)]
struct Listeners(HashMap<String, Option<Arc<Audience>>>);

impl Listeners {
    async fn tell(
        &mut self,
        tx: &mut Connection<'_>,
        journal: &mut Journal,
        user: &UserRef,
        kind: ConversationKind,
        moved: Moved,
    ) -> Result<(), StoreError> {
        let all = match kind {
            // How far someone has read in a room is their own affair.
            ConversationKind::Room => None,
            _ => self.members(tx, &moved.conversation_id).await?,
        };
        let own = || Arc::new(Audience::Users(vec![user.key.clone()]));
        journal.receipts.push(Receipt {
            audience: all.unwrap_or_else(own),
            conversation_id: moved.conversation_id,
            user: user.clone(),
            read_seq: moved.read_seq as u64,
            delivered_seq: moved.delivered_seq as u64,
        });
        Ok(())
    }

    async fn members(
        &mut self,
        tx: &mut Connection<'_>,
        conversation_id: &str,
    ) -> Result<Option<Arc<Audience>>, StoreError> {
        if let Some(known) = self.0.get(conversation_id) {
            return Ok(known.clone());
        }
        let keys = rows::watchers(tx, conversation_id).await?;
        let members = keys.map(|keys| Arc::new(Audience::Users(keys)));
        self.0.insert(conversation_id.to_owned(), members.clone());
        Ok(members)
    }
}
