//! Which conversations there are, and who is in them.

use std::collections::BTreeMap;

use common::{Audience, EventId};

use super::{
    Allowed, Inbox, Listed, Listing, Roster, Store, StoreError,
    read::{conversations, inbox, members},
};
use crate::chat::{conversation::Conversation, member::JoinedMember, message::Message};

/// Reads of conversations, for the user with a key; nobody in particular has none.
impl Store {
    /// The conversations of a user, and the public room; to nobody, rooms.
    pub async fn conversations(
        &self,
        asker: Option<&str>,
        listing: Listing,
    ) -> Result<Listed, StoreError> {
        conversations::list(&self.pools.readers, asker, listing).await
    }

    /// One conversation, and how far the log went when it was like this.
    pub async fn conversation(
        &self,
        asker: Option<&str>,
        id: &str,
    ) -> Allowed<(Conversation, EventId)> {
        conversations::one(&self.pools.readers, asker, id).await
    }

    /// At most `limit` members of a conversation, by key, after the one with the key `after`.
    pub async fn roster(
        &self,
        asker: Option<&str>,
        id: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Allowed<Roster> {
        members::roster(&self.pools.readers, asker, id, after, limit).await
    }

    /// The member of a conversation who has a key, if there is one.
    pub async fn joined_member(
        &self,
        asker: Option<&str>,
        id: &str,
        key: &str,
    ) -> Allowed<Option<JoinedMember>> {
        members::one(&self.pools.readers, asker, id, key).await
    }

    /// Who may know that the asker is typing; nobody in groups of more than
    /// [`MOST_WATCHERS`](crate::chat::member::MOST_WATCHERS) members.
    pub async fn watchers(&self, asker: &str, id: &str) -> Allowed<Option<Audience>> {
        members::watchers(&self.pools.readers, asker, id).await
    }

    /// Whom each of these users shares a private conversation with, at most `most` of them.
    pub async fn contacts(
        &self,
        keys: &[String],
        most: u32,
    ) -> Result<BTreeMap<String, Vec<String>>, StoreError> {
        members::contacts(&self.pools.readers, keys, most).await
    }

    /// What others sent a user privately, newest first, and whether there is more.
    pub async fn inbox(&self, key: &str, inbox: Inbox) -> Result<(Vec<Message>, bool), StoreError> {
        inbox::list(&self.pools.readers, key, inbox).await
    }
}
