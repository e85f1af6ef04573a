//! [`Known`]: what the database knows about a run of posts, before it is planned.

use std::{
    cell::OnceCell,
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use common::{Audience, EventId};

use crate::chat::{
    access::{Membership, Standing},
    conversation::{ConversationKind, History},
    message::Message,
};

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

/// A conversation that posts name.
#[derive(Clone, Debug)]
pub struct PostPlace {
    /// What it is.
    pub kind: ConversationKind,
    /// What new members see of it.
    pub history: History,
    /// The seq of its newest message.
    pub last_seq: u64,
    /// By key; of directs and groups only.
    pub members: BTreeMap<String, PostMember>,
    /// Who may see what is said there, once it is asked for: the same for all posts of a run.
    pub audience: OnceCell<Arc<Audience>>,
}

/// A member of a conversation that posts name.
#[derive(Clone, Debug)]
pub struct PostMember {
    /// The name.
    pub name: String,
    /// What the rules need.
    pub membership: Membership,
}

impl PostPlace {
    /// What someone is to it.
    pub fn standing(&self, key: &str) -> Standing {
        let membership = self.members.get(key).map(|member| member.membership);
        Standing { kind: self.kind, history: self.history, membership }
    }

    /// Who may see what is said in it now; `id` is its own.
    pub fn audience(&self, id: &str) -> Arc<Audience> {
        let of_now = || match self.kind {
            ConversationKind::Room => Audience::Room(id.to_owned()),
            _ => Audience::Users(self.members.keys().cloned().collect()),
        };
        self.audience.get_or_init(|| Arc::new(of_now())).clone()
    }
}

/// What the database knows about the posts.
#[derive(Debug, Default)]
pub struct Known {
    /// The conversations that exist, by id.
    pub places: HashMap<String, PostPlace>,
    /// Messages already stored under keys of the posts.
    pub keys: KnownKeys,
    /// Users among the senders, and whom posts to rooms may mention: their names by key, and
    /// whether the name is protected.
    pub users: HashMap<String, (String, bool)>,
    /// Keys of senders who have shown nothing, and look like somebody else whose name is protected.
    pub lookalikes: HashSet<String>,
    /// Messages that are replied to: where they are, and their seq there.
    pub replies: HashMap<EventId, (String, u64)>,
}
