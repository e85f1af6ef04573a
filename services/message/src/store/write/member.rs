//! Coming, going, and becoming something else.

use std::collections::BTreeSet;

use common::Audience;

use super::{Changed, card, membership, user};
use crate::{
    chat::{
        change::{Actor, Answer, Made, Refusal},
        conversation::{ConversationKind, Place},
        event::{
            self, ConversationAction, MemberAction,
            kind::{CONVERSATION, MEMBER},
        },
        member::Role,
        username::Username,
    },
    store::{
        StoreError,
        database::{Connection, values},
        journal::Journal,
        rows,
    },
};

/// Who is to be a member, and as what.
pub(super) struct Wanted<'a> {
    pub(super) user: &'a Username,
    pub(super) role: Option<Role>,
    pub(super) invites_guests: bool,
}

/// Adds a member, joins, or changes a role.
pub(super) async fn put(
    tx: &mut Connection<'_>,
    journal: &mut Journal,
    actor: &Actor,
    conversation_id: &str,
    wanted: Wanted<'_>,
) -> Changed {
    let asker = actor.user.as_ref().map(|user| user.key.as_str());
    let Some((place, standing, _)) = rows::standing(tx, conversation_id, asker).await? else {
        return Ok(Err(Refusal::NoConversation));
    };
    let key = wanted.user.key();
    let themself = asker == Some(key);
    let there = rows::member(tx, conversation_id, key).await?;
    // A role other than the plain one is given by owners, to oneself too.
    let allowed = match (&there, wanted.role) {
        (None, None | Some(Role::Member)) if themself => standing.join(),
        (Some(_), None) if themself => Ok(()),
        (None, _) if !themself => standing.bring(),
        _ => standing.manage(),
    };
    if let Err(refusal) = allowed {
        return Ok(Err(refusal));
    }
    if let Some(there) = there {
        let role = Role::from_text(&there.role);
        if wanted.role.is_none_or(|wanted| wanted == role) {
            return Ok(Ok(Answer::Member(Made::Found)));
        }
        if role == Role::Owner {
            return step_down(tx, journal, actor, &place, &there).await;
        }
        return change_role(tx, journal, actor, &place, key, wanted.role.unwrap_or(role)).await;
    }
    if place.kind == ConversationKind::Group {
        let members = rows::members(tx, &BTreeSet::from([conversation_id])).await?;
        if members.len() >= membership::MAX_MEMBERS {
            return Ok(Err(Refusal::GroupFull));
        }
    }
    if rows::account(tx, key).await?.is_none() {
        if !wanted.invites_guests {
            return Ok(Err(Refusal::NoUser));
        }
        user::add_guests(tx, journal.now(), &[wanted.user]).await?;
        // Everybody with an account is in the public room.
        if rows::member(tx, conversation_id, key).await?.is_some() {
            return Ok(Ok(Answer::Member(Made::New)));
        }
    }
    let role = wanted.role.unwrap_or_default();
    membership::insert(tx, journal.now(), &place, key, role).await?;
    announce_join(tx, journal, actor, &place, key, role).await?;
    Ok(Ok(Answer::Member(Made::New)))
}

/// Removes a member, or leaves.
pub(super) async fn remove(
    tx: &mut Connection<'_>,
    journal: &mut Journal,
    actor: &Actor,
    conversation_id: &str,
    name: &Username,
) -> Changed {
    let asker = actor.user.as_ref().map(|user| user.key.as_str());
    let Some((place, standing, _)) = rows::standing(tx, conversation_id, asker).await? else {
        return Ok(Err(Refusal::NoConversation));
    };
    let key = name.key();
    let allowed = if asker == Some(key) { standing.leave() } else { standing.manage() };
    if let Err(refusal) = allowed {
        return Ok(Err(refusal));
    }
    let Some(there) = rows::member(tx, conversation_id, key).await? else {
        return Ok(Err(Refusal::NoMember));
    };
    // The last event of this conversation that reaches who goes says so.
    let audience = rows::audience(&place, &rows::private_members(tx, &place).await?);
    let by = actor.user.as_ref().filter(|user| user.key != key).map(|user| user.name.as_str());
    journal.record(MEMBER, audience, |id| {
        event::member(id, conversation_id, &there.name, MemberAction::Left, None, by)
    })?;
    if place.kind == ConversationKind::Room {
        tell(tx, journal, &place, key, ConversationAction::Left).await?;
    }
    tx.execute(
        "delete from members where conversation_id = $1 and user_key = $2",
        values![conversation_id, key],
    )
    .await?;
    pass_on(tx, journal, &place, &there).await?;
    Ok(Ok(Answer::Done))
}

/// Makes an owner a plain member. Somebody has to own what can be owned: it passes on, and who is
/// alone keeps it.
async fn step_down(
    tx: &mut Connection<'_>,
    journal: &mut Journal,
    actor: &Actor,
    place: &Place,
    owner: &rows::MemberRow,
) -> Changed {
    let co_owner = longest(tx, place, Role::Owner, &owner.user_key).await?;
    if co_owner.is_none() && longest(tx, place, Role::Member, &owner.user_key).await?.is_none() {
        return Ok(Err(Refusal::Forbidden));
    }
    let outcome = change_role(tx, journal, actor, place, &owner.user_key, Role::Member).await?;
    pass_on(tx, journal, place, owner).await?;
    Ok(outcome)
}

/// When the last owner goes, whoever has been there longest becomes one.
async fn pass_on(
    tx: &mut Connection<'_>,
    journal: &mut Journal,
    place: &Place,
    gone: &rows::MemberRow,
) -> Result<(), StoreError> {
    let was_owner = Role::from_text(&gone.role) == Role::Owner;
    if !was_owner || longest(tx, place, Role::Owner, &gone.user_key).await?.is_some() {
        return Ok(());
    }
    let Some(heir) = longest(tx, place, Role::Member, &gone.user_key).await? else {
        return Ok(());
    };
    let nobody = Actor { user: None, admin: false };
    // Whether it is done or refused makes no difference: the member is there.
    change_role(tx, journal, &nobody, place, &heir, Role::Owner).await?.ok();
    Ok(())
}

/// Who has had this role longest, but for one: a room may be everybody's, and an index has them in
/// this order.
async fn longest(
    tx: &mut Connection<'_>,
    place: &Place,
    role: Role,
    but: &str,
) -> Result<Option<String>, StoreError> {
    let found: Option<(String,)> = tx
        .optional(
            "select user_key from members where conversation_id = $1 and role = $2 \
         and user_key <> $3 order by joined_at, user_key limit 1",
            values![&place.id, role.as_str(), but],
        )
        .await?;
    Ok(found.map(|(key,)| key))
}

async fn change_role(
    tx: &mut Connection<'_>,
    journal: &mut Journal,
    actor: &Actor,
    place: &Place,
    key: &str,
    role: Role,
) -> Changed {
    tx.execute(
        "update members set role = $1 where conversation_id = $2 and user_key = $3",
        values![role.as_str(), &place.id, key],
    )
    .await?;
    announce(tx, journal, actor, place, key, MemberAction::Role, role).await?;
    Ok(Ok(Answer::Member(Made::Found)))
}

async fn announce_join(
    tx: &mut Connection<'_>,
    journal: &mut Journal,
    actor: &Actor,
    place: &Place,
    key: &str,
    role: Role,
) -> Result<(), StoreError> {
    // The conversation first: who comes learns what it is before who is in it.
    tell(tx, journal, place, key, ConversationAction::Joined).await?;
    announce(tx, journal, actor, place, key, MemberAction::Joined, role).await
}

/// Tells all members of something that happened to one.
async fn announce(
    tx: &mut Connection<'_>,
    journal: &mut Journal,
    actor: &Actor,
    place: &Place,
    key: &str,
    action: MemberAction,
    role: Role,
) -> Result<(), StoreError> {
    let members = rows::private_members(tx, place).await?;
    let member = rows::member(tx, &place.id, key).await?;
    let name = member.as_ref().map_or(key, |member| member.name.as_str());
    let by = actor.user.as_ref().filter(|user| user.key != key).map(|user| user.name.as_str());
    journal.record(MEMBER, rows::audience(place, &members), |id| {
        event::member(id, &place.id, name, action, Some(role), by)
    })?;
    Ok(())
}

/// Tells one user, on all their devices, that a conversation is theirs now, or no more.
async fn tell(
    tx: &mut Connection<'_>,
    journal: &mut Journal,
    place: &Place,
    key: &str,
    action: ConversationAction,
) -> Result<(), StoreError> {
    let Some(card) = card::read(tx, &place.id).await? else {
        return Ok(());
    };
    let audience = Audience::Users(vec![key.to_owned()]);
    journal.record(CONVERSATION, audience, |id| event::conversation(id, action, &card))?;
    Ok(())
}
