//! [`Member`]: who is in a conversation.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// In larger groups what passes by is not told to everybody: who is typing, how far each has read.
/// Among `n` members that is `n` facts to `n` of them for every message.
pub const MOST_WATCHERS: u32 = 100;

/// What a member may do beyond reading and writing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Rename, add and remove.
    Owner,
    /// Nothing.
    #[default]
    Member,
}

impl Role {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Member => "member",
        }
    }

    /// Reads what [`as_str`](Self::as_str) wrote.
    pub fn from_text(text: &str) -> Self {
        if text == "owner" { Self::Owner } else { Self::Member }
    }
}

/// A member, and how far they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Member {
    /// Their name.
    #[schema(example = "alice")]
    pub user: String,
    /// What they may do.
    pub role: Role,
    /// They have read everything up to this seq.
    pub read_seq: u64,
    /// Everything up to this seq has reached them.
    pub delivered_seq: u64,
}

/// A member, and when they came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct JoinedMember {
    /// Their name.
    #[schema(example = "alice")]
    pub user: String,
    /// What they may do.
    pub role: Role,
    /// When they came.
    pub joined_at: String,
    /// They have read everything up to this seq. In rooms that is shown to themselves only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub read_seq: Option<u64>,
    /// Everything up to this seq has reached them; shown as `read_seq` is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub delivered_seq: Option<u64>,
}
