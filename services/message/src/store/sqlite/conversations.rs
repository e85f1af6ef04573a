//! [`ConversationReads`] of the embedded database.

use std::collections::BTreeMap;

use async_trait::async_trait;
use common::Audience;

use super::{
    SqliteStore,
    read::{conversations, inbox, members},
};
use crate::{
    chat::{conversation::Conversation, member::JoinedMember, message::Message},
    store::{
        Allowed, ConversationReads, StoreError,
        conversations::{Inbox, Listed, Listing, Roster},
    },
};

#[async_trait]
impl ConversationReads for SqliteStore {
    async fn conversations(
        &self,
        asker: Option<&str>,
        listing: Listing,
    ) -> Result<Listed, StoreError> {
        conversations::list(&self.readers, asker, listing).await
    }

    async fn conversation(&self, asker: Option<&str>, id: &str) -> Allowed<Conversation> {
        conversations::one(&self.readers, asker, id).await
    }

    async fn roster(
        &self,
        asker: Option<&str>,
        id: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Allowed<Roster> {
        members::roster(&self.readers, asker, id, after, limit).await
    }

    async fn joined_member(
        &self,
        asker: Option<&str>,
        id: &str,
        key: &str,
    ) -> Allowed<Option<JoinedMember>> {
        members::one(&self.readers, asker, id, key).await
    }

    async fn watchers(&self, asker: &str, id: &str) -> Allowed<Option<Audience>> {
        members::watchers(&self.readers, asker, id).await
    }

    async fn contacts(
        &self,
        keys: &[String],
        most: u32,
    ) -> Result<BTreeMap<String, Vec<String>>, StoreError> {
        members::contacts(&self.readers, keys, most).await
    }

    async fn inbox(&self, key: &str, inbox: Inbox) -> Result<(Vec<Message>, bool), StoreError> {
        inbox::list(&self.readers, key, inbox).await
    }
}
