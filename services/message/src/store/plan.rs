//! [`Plan`]: how a batch of posts becomes rows, decided without a database.

use std::collections::HashMap;

use common::{Batch, Event, EventId};

use super::StoreError;
use crate::{message::Message, post::Post};

/// What became of one post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is stored.
    Created(Message),
    /// It had been stored before; this is the message it made then.
    Repeated(Message),
    /// Its key belongs to an earlier post that said something else.
    KeyReused,
    /// Its conversation does not exist.
    NoConversation,
}

/// A message that was posted under a key, with the digest of the post.
#[derive(Clone, Debug)]
pub struct Keyed {
    /// What the post made.
    pub message: Message,
    /// What the post said.
    pub digest: String,
}

/// Messages by their sender's key and the sender's `client_msg_id`.
pub type KnownKeys = HashMap<(String, String), Keyed>;

/// A row to insert.
#[derive(Debug)]
pub struct NewMessage {
    /// The message.
    pub message: Message,
    /// The sender's name, folded.
    pub sender_key: String,
    /// The digest of a post that has a `client_msg_id`.
    pub digest: Option<String>,
}

/// What a batch of posts changes.
#[derive(Debug)]
pub struct Plan {
    /// Rows to insert, in the order of their ids.
    pub messages: Vec<NewMessage>,
    /// Events to append, in the same order.
    pub events: Vec<Event>,
    /// One for each post.
    pub outcomes: Vec<Outcome>,
    /// The last id before the batch.
    pub after: EventId,
}

impl Plan {
    /// Decides.
    ///
    /// `last_seqs` has the newest seq of each conversation that exists, and is moved on; `known`
    /// has the messages already stored under keys of these posts. Ids follow `after` in the order
    /// of the posts, which is the order of commit.
    pub fn new(
        posts: &[Post],
        after: EventId,
        last_seqs: &mut HashMap<String, u64>,
        mut known: KnownKeys,
    ) -> Result<Self, StoreError> {
        let mut plan = Self {
            messages: Vec::with_capacity(posts.len()),
            events: Vec::with_capacity(posts.len()),
            outcomes: Vec::with_capacity(posts.len()),
            after,
        };
        let mut last_id = after;
        for post in posts {
            let Some(last_seq) = last_seqs.get_mut(&post.conversation_id) else {
                plan.outcomes.push(Outcome::NoConversation);
                continue;
            };
            let sender_key = post.sender.key().to_owned();
            let key = post.client_msg_id.clone().map(|id| (sender_key.clone(), id));
            let digest = key.as_ref().map(|_| post.digest());
            if let Some(first) = key.as_ref().and_then(|key| known.get(key)) {
                let same = digest.as_ref() == Some(&first.digest);
                plan.outcomes.push(if same {
                    Outcome::Repeated(first.message.clone())
                } else {
                    Outcome::KeyReused
                });
                continue;
            }
            *last_seq += 1;
            last_id = EventId::after(last_id);
            let message = Message::new(
                last_id,
                post.conversation_id.clone(),
                *last_seq,
                post.sender.as_str().to_owned(),
                post.content.clone(),
                post.client_msg_id.clone(),
            );
            // Two tries of the same post may have met in one batch.
            if let (Some(key), Some(digest)) = (key, digest.clone()) {
                known.insert(key, Keyed { message: message.clone(), digest });
            }
            plan.events.push(message.event()?);
            plan.outcomes.push(Outcome::Created(message.clone()));
            plan.messages.push(NewMessage { message, sender_key, digest });
        }
        Ok(plan)
    }

    /// The last id once the batch is committed.
    pub fn last_id(&self) -> EventId {
        self.events.last().map_or(self.after, |event| event.id)
    }

    /// What callers learn once the batch is committed.
    pub fn into_committed(self) -> super::Committed {
        let log = Batch { after: self.after, events: self.events };
        super::Committed { outcomes: self.outcomes, log }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::username::Username;

    fn post(user: &str, content: &str, key: Option<&str>) -> Post {
        Post {
            sender: Username::parse(user).unwrap(),
            conversation_id: "public".to_owned(),
            content: content.to_owned(),
            client_msg_id: key.map(str::to_owned),
        }
    }

    #[test]
    fn ids_and_seqs_follow_the_order_of_the_posts() {
        let after =
            EventId::from_micros(EventId::after(EventId::ZERO).micros() + 60_000_000).unwrap();
        let posts = [post("a", "1", None), post("b", "2", None), post("a", "3", None)];
        let mut seqs = HashMap::from([("public".to_owned(), 41)]);
        let plan = Plan::new(&posts, after, &mut seqs, KnownKeys::new()).unwrap();
        let ids: Vec<_> = plan.events.iter().map(|event| event.id).collect();
        // The clock is behind `after`: each id is one more than the last.
        assert_eq!(ids, [after.next(), after.next().next(), after.next().next().next()]);
        let made: Vec<_> = plan.messages.iter().map(|new| new.message.seq).collect();
        assert_eq!(made, [42, 43, 44]);
        assert_eq!((plan.last_id(), seqs["public"]), (ids[2], 44));
    }

    #[test]
    fn a_key_posts_once_even_within_a_batch() {
        let posts = [
            post("al", "x", Some("k")),
            post("AL", "x", Some("k")),
            post("al", "y", Some("k")),
            post("bo", "x", Some("k")),
        ];
        let mut seqs = HashMap::from([("public".to_owned(), 0)]);
        let plan = Plan::new(&posts, EventId::ZERO, &mut seqs, KnownKeys::new()).unwrap();
        let first = plan.messages[0].message.clone();
        assert_eq!(plan.messages.len(), 2);
        assert_eq!(plan.outcomes[1], Outcome::Repeated(first));
        assert_eq!(plan.outcomes[2], Outcome::KeyReused);
        assert_eq!(seqs["public"], 2);
    }

    #[test]
    fn a_conversation_that_is_not_there_gets_nothing() {
        let mut lost = post("a", "x", None);
        lost.conversation_id = "nowhere".to_owned();
        let mut seqs = HashMap::from([("public".to_owned(), 0)]);
        let plan = Plan::new(&[lost], EventId::ZERO, &mut seqs, KnownKeys::new()).unwrap();
        assert_eq!(plan.outcomes, [Outcome::NoConversation]);
        assert_eq!((plan.last_id(), plan.events.len()), (EventId::ZERO, 0));
    }
}
