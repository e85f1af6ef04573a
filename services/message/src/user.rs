//! [`User`]: a person, as others see them; [`Account`]: as the service knows them.

use common::{EventId, internal::UserRef};
use serde::Serialize;
use utoipa::ToSchema;

/// How someone came to have a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum UserKind {
    /// By using it.
    Guest,
    /// By registering it.
    Member,
}

/// A person, as others see them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct User {
    /// The name by which messages, members and mentions know them.
    #[schema(example = "alice")]
    pub username: String,
    /// What they want to be called.
    #[schema(example = "Alice")]
    pub display_name: String,
    /// Whether they have registered.
    pub kind: UserKind,
    /// When they first came.
    #[schema(example = "2024-01-01T12:00:00.123456Z")]
    pub created_at: String,
}

/// A person, with what decides over their rights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Name and key.
    pub user: UserRef,
    /// What they want to be called.
    pub display_name: String,
    /// Whether they have registered.
    pub kind: UserKind,
    /// Their password, hashed; without one the name cannot be protected.
    pub password_hash: Option<String>,
    /// Whether they may do what admins may.
    pub admin: bool,
    /// Tokens of other epochs are void.
    pub epoch: u64,
    /// Tokens without an epoch that were issued before this are void.
    pub signed_out_at: Option<EventId>,
    /// When they first came.
    pub created_at: EventId,
    /// Whether the name can no longer be used.
    pub deactivated: bool,
}

impl Account {
    /// What others may know.
    pub fn profile(&self) -> User {
        User {
            username: self.user.name.clone(),
            display_name: self.display_name.clone(),
            kind: self.kind,
            created_at: self.created_at.timestamp(),
        }
    }

    /// Whether the name can only be used with a credential.
    pub const fn is_protected(&self) -> bool {
        self.password_hash.is_some() || self.deactivated
    }
}
