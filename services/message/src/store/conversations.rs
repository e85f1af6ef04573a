//! [`ConversationReads`]: which conversations there are, and who is in them.

use std::collections::BTreeMap;

use async_trait::async_trait;
use common::{Audience, EventId};

use super::{Allowed, StoreError};
use crate::chat::{
    conversation::{Conversation, ConversationKind},
    member::JoinedMember,
    message::Message,
};

/// Which conversations to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listing {
    /// Only these. All rooms are listed by it, joined or not.
    pub kind: Option<ConversationKind>,
    /// Only those whose last activity was before this.
    pub before: Option<EventId>,
    /// How many of the newest of those to leave out.
    pub skip: u32,
    /// How many.
    pub limit: u32,
}

/// A part of a list of conversations, newest activity first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The conversations, as their reader sees them.
    pub conversations: Vec<Conversation>,
    /// Before which to read on, if there are more.
    pub next: Option<EventId>,
}

/// A part of the members of a conversation, by key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster {
    /// The members.
    pub members: Vec<JoinedMember>,
    /// Whether there are more.
    pub has_more: bool,
}

/// Which of the messages that a user was sent privately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inbox {
    /// Only those of direct conversations, not of groups.
    pub direct_only: bool,
    /// Only older ones than this.
    pub before: Option<EventId>,
    /// How many of the newest to leave out.
    pub skip: u32,
    /// How many.
    pub limit: u32,
}

/// Reads of conversations, for the user with a key; nobody in particular has none.
#[async_trait]
pub trait ConversationReads {
    /// The conversations of a user, and the public room; to nobody, rooms.
    async fn conversations(
        &self,
        asker: Option<&str>,
        listing: Listing,
    ) -> Result<Listed, StoreError>;

    /// One conversation.
    async fn conversation(&self, asker: Option<&str>, id: &str) -> Allowed<Conversation>;

    /// At most `limit` members of a conversation, by key, after the one with the key `after`.
    async fn roster(
        &self,
        asker: Option<&str>,
        id: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Allowed<Roster>;

    /// The member of a conversation who has a key, if there is one.
    async fn joined_member(
        &self,
        asker: Option<&str>,
        id: &str,
        key: &str,
    ) -> Allowed<Option<JoinedMember>>;

    /// Who may know that the asker is typing; nobody in groups of more than
    /// [`MOST_WATCHERS`](crate::chat::member::MOST_WATCHERS) members.
    async fn watchers(&self, asker: &str, id: &str) -> Allowed<Option<Audience>>;

    /// Whom each of these users shares a private conversation with, at most `most` of them.
    async fn contacts(
        &self,
        keys: &[String],
        most: u32,
    ) -> Result<BTreeMap<String, Vec<String>>, StoreError>;

    /// What others sent a user privately, newest first, and whether there is more.
    async fn inbox(&self, key: &str, inbox: Inbox) -> Result<(Vec<Message>, bool), StoreError>;
}
