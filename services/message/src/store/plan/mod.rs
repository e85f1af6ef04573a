//! [`Plan`]: how a run of posts becomes rows, decided without a database.

use std::{cell::OnceCell, collections::HashMap};

use common::{EventId, Moment};

use super::{
    StoreError,
    journal::Journal,
    known::{Keyed, Known, PostMember, PostPlace},
};
use crate::chat::{
    access::Membership,
    change::{Answer, Outcome, Refusal},
    conversation::{ConversationKind, History, Place},
    conversation_id::direct_keys,
    event::{self, ConversationAction, kind::CONVERSATION},
    member::{Member, Role},
    mention,
    message::Message,
    post::{Claim, Post, Target},
    username::Username,
};

/// A row to insert.
#[derive(Debug)]
pub struct NewMessage {
    /// The message.
    pub message: Message,
    /// The sender's key.
    pub sender_key: String,
    /// The digest of a post that has a `client_msg_id`.
    pub digest: Option<String>,
    /// When it was said, if its id does not say so.
    pub said_at: Option<Moment>,
    /// Keys of those it mentions.
    pub mentioned: Vec<String>,
}

/// A guest to add.
#[derive(Debug)]
pub struct NewGuest {
    /// The name.
    pub name: Username,
    /// When they came: no later than what they came for.
    pub at: Moment,
}

/// What a run of posts changes.
#[derive(Debug, Default)]
pub struct Plan {
    /// Guests to add, before everything else: accepted posts name them for the first time.
    pub guests: Vec<NewGuest>,
    /// Direct conversations to begin, before the messages.
    pub directs: Vec<Place>,
    /// Rows to insert, in the order of their ids.
    pub messages: Vec<NewMessage>,
    /// One for each post.
    pub outcomes: Vec<Outcome>,
    /// The newest seq and message of each conversation that got one.
    pub moved: HashMap<String, (u64, EventId)>,
}

impl Plan {
    /// Decides. Ids follow the journal's in the order of the posts, which is the order of commit.
    pub fn new(
        posts: &[&Post],
        mut known: Known,
        journal: &mut Journal,
    ) -> Result<Self, StoreError> {
        let mut plan = Self::default();
        for post in posts {
            let outcome = plan.add(post, &mut known, journal)?;
            plan.outcomes.push(outcome);
        }
        Ok(plan)
    }

    fn add(
        &mut self,
        post: &Post,
        known: &mut Known,
        journal: &mut Journal,
    ) -> Result<Outcome, StoreError> {
        let sender_key = post.sender.name.key().to_owned();
        let account = known.users.get(&sender_key);
        let is_protected = account.is_some_and(|(_, protected)| *protected)
            || known.lookalikes.contains(&sender_key);
        if post.sender.claim != Claim::Shown && is_protected {
            return Ok(Err(Refusal::NameProtected));
        }
        let conversation_id = post.conversation_id();
        let fresh = match fresh_direct(post, &conversation_id, known) {
            Ok(fresh) => fresh,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let Some(place) = fresh.as_ref().or_else(|| known.places.get(&*conversation_id)) else {
            return Ok(Err(Refusal::NoConversation));
        };
        let standing = place.standing(&sender_key);
        if let Err(refusal) = standing.post() {
            return Ok(Err(refusal));
        }
        let key = post.client_msg_id.clone().map(|id| (sender_key.clone(), id));
        let digest = key.as_ref().map(|_| post.digest());
        if let Some(first) = key.as_ref().and_then(|key| known.keys.get(key)) {
            let same = digest.as_ref() == Some(&first.digest);
            let repeated = || Answer::Repeated(first.message.clone());
            return Ok(if same { Ok(repeated()) } else { Err(Refusal::KeyReused) });
        }
        if let Some(id) = post.reply_to {
            // One that they may not read is answered like one that is not there.
            let there = known.replies.get(&id).filter(|(at, _)| **at == *conversation_id);
            if there.is_none_or(|(_, seq)| standing.read_message(*seq).is_err()) {
                return Ok(Err(Refusal::NoReply));
            }
        }
        // It is accepted: from here on there is something to leave behind.
        self.prepare(post, fresh, known, journal)?;
        let Some(place) = known.places.get_mut(&*conversation_id) else {
            return Ok(Err(Refusal::NoConversation));
        };
        place.last_seq += 1;
        let id = journal.next_id();
        let account = known.users.get(&sender_key);
        let name = account.map_or(post.sender.name.as_str(), |(name, _)| name);
        let mentioned = mentioned(&post.content, place, &known.users, &sender_key);
        let said_at = journal.said_at(id);
        let mut message = Message::new(
            id,
            said_at.unwrap_or(id.moment()),
            conversation_id.into_owned(),
            place.last_seq,
            name.to_owned(),
            post.content.clone(),
        );
        message.client_msg_id = post.client_msg_id.clone();
        message.reply_to = post.reply_to;
        message.recipient = recipient(&message.conversation_id, &sender_key, place);
        message.mentions = mentioned.iter().map(|(_, name)| name.clone()).collect();
        self.moved.insert(message.conversation_id.clone(), (place.last_seq, id));
        let mut event = message.event(place.audience(&message.conversation_id))?;
        event.origin = post.origin.clone();
        journal.push(event);
        // Two tries of the same post may have met in one batch.
        if let (Some(key), Some(digest)) = (key, digest.clone()) {
            known.keys.insert(key, Keyed { message: message.clone(), digest });
        }
        // A later post of the same batch may answer this one.
        known.replies.insert(id, (message.conversation_id.clone(), message.seq));
        let mentioned = mentioned.into_iter().map(|(key, _)| key).collect();
        self.messages.push(NewMessage {
            message: message.clone(),
            sender_key,
            digest,
            said_at,
            mentioned,
        });
        Ok(Ok(Answer::Posted(message)))
    }

    /// Sees to it that whom an accepted post needs is there: its sender as a guest if they gave a
    /// name, and for a private message its recipient and their conversation.
    fn prepare(
        &mut self,
        post: &Post,
        fresh: Option<PostPlace>,
        known: &mut Known,
        journal: &mut Journal,
    ) -> Result<(), StoreError> {
        if post.sender.claim == Claim::Said {
            self.welcome(&post.sender.name, known, journal);
        }
        let (Target::Direct { recipient, .. }, Some(fresh)) = (&post.target, fresh) else {
            return Ok(());
        };
        self.welcome(recipient, known, journal);
        let id = post.conversation_id().into_owned();
        let place = Place::direct(id.clone(), journal.now());
        let card = place.card(Some(fresh.members.values().map(newcomer).collect()));
        journal.record(CONVERSATION, fresh.audience(&id), |event_id| {
            event::conversation(event_id, ConversationAction::Created, &card)
        })?;
        self.directs.push(place);
        known.places.insert(id, fresh);
        Ok(())
    }

    fn welcome(&mut self, name: &Username, known: &mut Known, journal: &Journal) {
        known.users.entry(name.key().to_owned()).or_insert_with(|| {
            self.guests.push(NewGuest { name: name.clone(), at: journal.now() });
            (name.as_str().to_owned(), false)
        });
    }
}

/// The direct conversation that a private message would begin, if it is the first.
fn fresh_direct(
    post: &Post,
    conversation_id: &str,
    known: &Known,
) -> Result<Option<PostPlace>, Refusal> {
    let Target::Direct { recipient, invites_guests } = &post.target else {
        return Ok(None);
    };
    let sender = &post.sender.name;
    if recipient.key() == sender.key() {
        return Err(Refusal::Oneself);
    }
    if !invites_guests && !known.users.contains_key(recipient.key()) {
        return Err(Refusal::NoUser);
    }
    if known.places.contains_key(conversation_id) {
        return Ok(None);
    }
    let members = [sender, recipient].map(|name| {
        let shown = known.users.get(name.key()).map_or(name.as_str(), |(shown, _)| shown);
        let membership = Membership { role: Role::Member, joined_seq: 0 };
        (name.key().to_owned(), PostMember { name: shown.to_owned(), membership })
    });
    Ok(Some(PostPlace {
        kind: ConversationKind::Direct,
        history: History::All,
        last_seq: 0,
        members: members.into(),
        audience: OnceCell::new(),
    }))
}

/// A member of a conversation that begins.
fn newcomer(member: &PostMember) -> Member {
    let PostMember { name, membership } = member;
    Member { user: name.clone(), role: membership.role, read_seq: 0, delivered_seq: 0 }
}

/// The other one of a direct conversation.
fn recipient(id: &str, sender_key: &str, place: &PostPlace) -> Option<String> {
    if place.kind != ConversationKind::Direct {
        return None;
    }
    let (one, other) = direct_keys(id)?;
    let other = place.members.get(if one == sender_key { other } else { one })?;
    Some(other.name.clone())
}

/// Keys and names of those whom a message mentions, without its sender.
fn mentioned(
    content: &str,
    place: &PostPlace,
    users: &HashMap<String, (String, bool)>,
    sender_key: &str,
) -> Vec<(String, String)> {
    let name_of = |key: &str| match place.kind {
        ConversationKind::Room => users.get(key).map(|(name, _)| name),
        _ => place.members.get(key).map(|member| &member.name),
    };
    let called = mention::called(content, |key| name_of(key).is_some());
    let others = called.into_iter().filter(|key| key != sender_key);
    others.filter_map(|key| name_of(&key).cloned().map(|name| (key, name))).collect()
}

#[cfg(test)]
mod tests;
