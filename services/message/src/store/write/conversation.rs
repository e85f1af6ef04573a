//! Making conversations, and changing what their members see alike.

use std::collections::{BTreeMap, BTreeSet};

use common::{Audience, EventId, internal::UserRef};

use super::{Changed, card, membership, user};
use crate::{
    chat::{
        change::{Actor, Answer, Change, Made, Refusal},
        conversation::{Card, History, Place},
        conversation_id::{direct_id, direct_keys},
        event::{self, ConversationAction, kind::CONVERSATION},
        member::Role,
        username::Username,
    },
    store::{
        StoreError,
        database::{Connection, micros, since_1970, values},
        journal::Journal,
        rows,
    },
};

/// Makes a room or a group.
pub(super) async fn create(
    tx: &mut Connection<'_>,
    journal: &mut Journal,
    change: &Change,
) -> Changed {
    let Change::CreateConversation { owner, kind, id, name, history, members, invites_guests } =
        change
    else {
        return Ok(Ok(Answer::Done));
    };
    if rows::place(tx, id).await?.is_some() {
        return Ok(Err(Refusal::RoomTaken));
    }
    let mut others: BTreeMap<&str, &Username> = BTreeMap::new();
    for member in members {
        others.entry(member.key()).or_insert(member);
    }
    others.remove(owner.key.as_str());
    if others.len() >= membership::MAX_MEMBERS {
        return Ok(Err(Refusal::GroupFull));
    }
    let keys: BTreeSet<&str> = others.keys().copied().collect();
    let known = user::known(tx, &keys).await?;
    let unknown: Vec<_> = others.iter().filter(|(key, _)| !known.contains(**key)).collect();
    if !invites_guests && !unknown.is_empty() {
        return Ok(Err(Refusal::NoUser));
    }
    if let Err(refusal) = user::ensure(tx, journal, owner).await? {
        return Ok(Err(refusal));
    }
    let unknown: Vec<_> = unknown.into_iter().map(|(_, name)| *name).collect();
    user::add_guests(tx, journal.now(), &unknown).await?;
    let place = Place {
        id: id.clone(),
        kind: *kind,
        name: Some(name.clone()),
        history: *history,
        created_by: Some(owner.name.clone()),
        created_at: journal.now(),
        last_seq: 0,
    };
    insert(tx, journal.here(), &place).await?;
    let mut rows = vec![(owner.key.as_str(), Role::Owner)];
    rows.extend(keys.into_iter().map(|key| (key, Role::Member)));
    membership::insert_all(tx, journal.now(), &place, &rows).await?;
    let card = announce(tx, journal, &place, ConversationAction::Created).await?;
    Ok(Ok(Answer::Conversation(card, Made::New)))
}

/// Finds the direct conversation of two users, or makes it.
pub(super) async fn resolve(
    tx: &mut Connection<'_>,
    journal: &mut Journal,
    user: &UserRef,
    other: &Username,
    invites_guests: bool,
) -> Changed {
    if user.key == other.key() {
        return Ok(Err(Refusal::Oneself));
    }
    if rows::account(tx, other.key()).await?.is_none() {
        if !invites_guests {
            return Ok(Err(Refusal::NoUser));
        }
        user::add_guests(tx, journal.now(), &[other]).await?;
    }
    if let Err(refusal) = user::ensure(tx, journal, user).await? {
        return Ok(Err(refusal));
    }
    let id = direct_id(&user.key, other.key());
    if let Some(card) = card::read(tx, &id).await? {
        return Ok(Ok(Answer::Conversation(card, Made::Found)));
    }
    let place = Place::direct(id, journal.now());
    insert_direct(tx, journal.here(), &place).await?;
    let card = announce(tx, journal, &place, ConversationAction::Created).await?;
    Ok(Ok(Answer::Conversation(card, Made::New)))
}

/// Adds a direct conversation; its two users are there.
pub(super) async fn insert_direct(
    tx: &mut Connection<'_>,
    active_at: EventId,
    place: &Place,
) -> Result<(), StoreError> {
    insert(tx, active_at, place).await?;
    let both = direct_keys(&place.id).map(|(one, other)| [one, other]).unwrap_or_default();
    let both = both.map(|key| (key, Role::Member));
    membership::insert_all(tx, place.created_at, place, &both).await
}

/// Changes a name or a rule.
pub(super) async fn update(
    tx: &mut Connection<'_>,
    journal: &mut Journal,
    actor: &Actor,
    id: &str,
    name: Option<&str>,
    history: Option<History>,
) -> Changed {
    let key = actor.user.as_ref().map(|user| user.key.as_str());
    let Some((mut place, standing, _)) = rows::standing(tx, id, key).await? else {
        return Ok(Err(Refusal::NoConversation));
    };
    if let Err(refusal) = standing.manage() {
        return Ok(Err(refusal));
    }
    let before = place.clone();
    if let Some(name) = name {
        place.name = Some(name.to_owned());
    }
    place.history = history.unwrap_or(place.history);
    if place == before {
        let card = card::read(tx, id).await?;
        return Ok(card.map_or(Err(Refusal::NoConversation), |card| {
            Ok(Answer::Conversation(card, Made::Found))
        }));
    }
    tx.execute(
        "update conversations set name = $1, history = $2 where id = $3",
        values![&place.name, place.history.as_str(), id],
    )
    .await?;
    let card = announce(tx, journal, &place, ConversationAction::Updated).await?;
    Ok(Ok(Answer::Conversation(card, Made::Found)))
}

/// Adds a row, which stands in lists where `active_at` is.
async fn insert(
    tx: &mut Connection<'_>,
    active_at: EventId,
    place: &Place,
) -> Result<(), StoreError> {
    tx.execute(
        "insert into conversations (id, kind, name, history, created_by, created_at, active_at) \
         values ($1, $2, $3, $4, $5, $6, $7)",
        values![
            &place.id,
            place.kind.as_str(),
            &place.name,
            place.history.as_str(),
            &place.created_by,
            since_1970(place.created_at),
            micros(active_at)
        ],
    )
    .await?;
    Ok(())
}

/// Tells all members of a conversation. Who made a room may not be watching it yet.
async fn announce(
    tx: &mut Connection<'_>,
    journal: &mut Journal,
    place: &Place,
    action: ConversationAction,
) -> Result<Card, StoreError> {
    let members = match action {
        // As many as its maker named.
        ConversationAction::Created => {
            rows::members(tx, &BTreeSet::from([place.id.as_str()])).await?
        }
        _ => rows::private_members(tx, place).await?,
    };
    let audience = match action {
        ConversationAction::Created => Audience::Users(rows::keys(&members)),
        _ => rows::audience(place, &members),
    };
    let card = card::of(place, &members);
    journal.record(CONVERSATION, audience, |id| event::conversation(id, action, &card))?;
    Ok(card)
}
