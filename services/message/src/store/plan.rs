//! [`Plan`]: how a run of posts becomes rows, decided without a database.

use std::collections::HashMap;

use common::{Audience, EventId};

use super::{
    StoreError,
    journal::Journal,
    known::{Keyed, Known, PostPlace},
};
use crate::{
    change::{Answer, Outcome, Refusal},
    conversation::{ConversationKind, direct_keys},
    mention,
    message::Message,
    post::{Claim, Post},
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
    /// Keys of those it mentions.
    pub mentioned: Vec<String>,
}

/// What a run of posts changes.
#[derive(Debug, Default)]
pub struct Plan {
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
        if post.sender.claim != Claim::Shown && account.is_some_and(|(_, protected)| *protected) {
            return Ok(Err(Refusal::NameProtected));
        }
        let conversation_id = post.conversation_id();
        let Some(place) = known.places.get_mut(&*conversation_id) else {
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
        place.last_seq += 1;
        let id = journal.next_id();
        let name = account.map_or(post.sender.name.as_str(), |(name, _)| name);
        let mentioned = mentioned(&post.content, place, &known.users, &sender_key);
        let mut message = Message::new(
            id,
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
        let mut event = message.event(audience(&message.conversation_id, place))?;
        event.origin = post.origin.clone();
        journal.push(event);
        // Two tries of the same post may have met in one batch.
        if let (Some(key), Some(digest)) = (key, digest.clone()) {
            known.keys.insert(key, Keyed { message: message.clone(), digest });
        }
        // A later post of the same batch may answer this one.
        known.replies.insert(id, (message.conversation_id.clone(), message.seq));
        let mentioned = mentioned.into_iter().map(|(key, _)| key).collect();
        self.messages.push(NewMessage { message: message.clone(), sender_key, digest, mentioned });
        Ok(Ok(Answer::Posted(message)))
    }
}

/// Who may see what is said in a conversation now.
fn audience(id: &str, place: &PostPlace) -> Audience {
    match place.kind {
        ConversationKind::Room => Audience::Room(id.to_owned()),
        _ => Audience::Users(place.members.keys().cloned().collect()),
    }
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
    if !content.contains('@') {
        return Vec::new();
    }
    let found: Vec<(String, String)> = match place.kind {
        ConversationKind::Room => mention::words(content)
            .into_iter()
            .filter_map(|key| users.get(&key).map(|(name, _)| (key, name.clone())))
            .collect(),
        _ => mention::among(content, place.members.keys().map(String::as_str))
            .into_iter()
            .filter_map(|key| Some((key.to_owned(), place.members.get(key)?.name.clone())))
            .collect(),
    };
    found.into_iter().filter(|(key, _)| key != sender_key).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        access::Membership,
        conversation::{History, Role},
        post::{Sender, Target},
        store::known::PostMember,
        username::Username,
    };

    fn post(user: &str, content: &str, key: Option<&str>) -> Post {
        Post {
            sender: Sender { name: Username::parse(user).unwrap(), claim: Claim::Said },
            target: Target::Conversation("public".to_owned()),
            content: content.to_owned(),
            reply_to: None,
            client_msg_id: key.map(str::to_owned),
            origin: None,
        }
    }

    fn direct(user: &str, recipient: &str) -> Post {
        let recipient = Username::parse(recipient).unwrap();
        Post {
            target: Target::Direct { recipient, invites_guests: true },
            ..post(user, "psst @bo", None)
        }
    }

    fn known(last_seq: u64) -> Known {
        let place = |kind, last_seq, members| PostPlace {
            kind,
            history: History::Joined,
            last_seq,
            members,
        };
        let pair = [("al", "Al", 0), ("bo", "Bo", 5)].map(|(key, name, joined_seq)| {
            let membership = Membership { role: Role::Member, joined_seq };
            (key.to_owned(), PostMember { name: name.to_owned(), membership })
        });
        let places = [
            ("public", place(ConversationKind::Room, last_seq, BTreeMap::new())),
            ("dm:al:bo", place(ConversationKind::Direct, 0, pair.clone().into())),
            ("g-1", place(ConversationKind::Group, 9, pair.into())),
        ];
        let places = places.map(|(id, place)| (id.to_owned(), place));
        Known { places: places.into(), ..Known::default() }
    }

    fn plan(posts: &[Post], known: Known, journal: &mut Journal) -> Plan {
        let posts: Vec<_> = posts.iter().collect();
        Plan::new(&posts, known, journal).unwrap()
    }

    #[test]
    fn ids_and_seqs_follow_the_order_of_the_posts() {
        let after =
            EventId::from_micros(EventId::after(EventId::ZERO).micros() + 60_000_000).unwrap();
        let posts = [post("a", "1", None), post("b", "2", None), post("a", "3", None)];
        let mut journal = Journal::new(after);
        let plan = plan(&posts, known(41), &mut journal);
        let ids: Vec<_> = journal.events.iter().map(|event| event.id).collect();
        // The clock is behind `after`: each id is one more than the last.
        assert_eq!(ids, [after.next(), after.next().next(), after.next().next().next()]);
        let made: Vec<_> = plan.messages.iter().map(|new| new.message.seq).collect();
        assert_eq!(made, [42, 43, 44]);
        assert_eq!((journal.end(), plan.moved["public"]), (ids[2], (44, ids[2])));
    }

    #[test]
    fn a_key_posts_once_even_within_a_batch() {
        let posts = [
            post("al", "x", Some("k")),
            post("AL", "x", Some("k")),
            post("al", "y", Some("k")),
            post("bo", "x", Some("k")),
        ];
        let plan = plan(&posts, known(0), &mut Journal::new(EventId::ZERO));
        let first = plan.messages[0].message.clone();
        assert_eq!(plan.messages.len(), 2);
        assert_eq!(plan.outcomes[1], Ok(Answer::Repeated(first)));
        assert_eq!(plan.outcomes[2], Err(Refusal::KeyReused));
        assert_eq!(plan.moved["public"].0, 2);
    }

    #[test]
    fn a_conversation_that_is_not_there_or_not_theirs_gets_nothing() {
        let mut lost = post("a", "x", None);
        lost.target = Target::Conversation("nowhere".to_owned());
        let mut foreign = post("carol", "x", None);
        foreign.target = Target::Conversation("dm:al:bo".to_owned());
        let mut journal = Journal::new(EventId::ZERO);
        let plan = plan(&[lost, foreign], known(0), &mut journal);
        assert_eq!(plan.outcomes, [Err(Refusal::NoConversation), Err(Refusal::NoConversation)]);
        assert_eq!((journal.end(), journal.events.len()), (EventId::ZERO, 0));
    }

    #[test]
    fn a_private_message_is_for_its_two_and_names_the_other() {
        let mut journal = Journal::new(EventId::ZERO);
        let plan = plan(&[direct("AL", "bo")], known(0), &mut journal);
        let new = &plan.messages[0];
        assert_eq!(new.message.recipient.as_deref(), Some("Bo"));
        assert_eq!(
            (new.mentioned.clone(), new.message.mentions.clone()),
            (vec!["bo".to_owned()], vec!["Bo".to_owned()])
        );
        let pair = vec!["al".to_owned(), "bo".to_owned()];
        assert_eq!(journal.events[0].audience, Audience::Users(pair));
    }

    #[test]
    fn a_protected_name_needs_a_credential() {
        let mut known = known(0);
        known.users.insert("al".to_owned(), ("Al".to_owned(), true));
        let mut shown = post("al", "x", None);
        shown.sender.claim = Claim::Shown;
        let plan = plan(&[post("AL", "x", None), shown], known, &mut Journal::new(EventId::ZERO));
        assert_eq!(plan.outcomes[0], Err(Refusal::NameProtected));
        assert_eq!(plan.messages[0].message.user, "Al");
    }

    #[test]
    fn a_reply_answers_a_message_of_the_same_conversation() {
        let mut known = known(0);
        let there = EventId::from_micros(7).unwrap();
        known.replies.insert(there, ("public".to_owned(), 1));
        let reply = |id, target: &str| Post {
            reply_to: Some(id),
            target: Target::Conversation(target.to_owned()),
            ..post("al", "x", None)
        };
        let posts =
            [reply(there, "public"), reply(there, "dm:al:bo"), reply(there.next(), "public")];
        let plan = plan(&posts, known, &mut Journal::new(EventId::ZERO));
        let refused: Vec<_> = plan.outcomes.iter().map(|outcome| outcome.clone().err()).collect();
        assert_eq!(refused, [None, Some(Refusal::NoReply), Some(Refusal::NoReply)]);
    }

    #[test]
    fn a_reply_to_what_one_may_not_read_is_one_to_nothing() {
        let mut known = known(0);
        let at = |micros| EventId::from_micros(micros).unwrap();
        known.replies.insert(at(5), ("g-1".to_owned(), 5));
        known.replies.insert(at(6), ("g-1".to_owned(), 6));
        let reply = |user, id| Post {
            reply_to: Some(id),
            target: Target::Conversation("g-1".to_owned()),
            ..post(user, "x", None)
        };
        let posts =
            [reply("al", at(5)), reply("bo", at(5)), reply("bo", at(7)), reply("bo", at(6))];
        let plan = plan(&posts, known, &mut Journal::new(EventId::ZERO));
        let refused: Vec<_> = plan.outcomes.iter().map(|outcome| outcome.clone().err()).collect();
        assert_eq!(refused, [None, Some(Refusal::NoReply), Some(Refusal::NoReply), None]);
    }
}
