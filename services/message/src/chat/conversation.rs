//! [`Conversation`]: where messages are.

use common::Moment;
use http_kit::Rejection;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    member::{Member, Role},
    message::Message,
    visible::{is_blank, misleads},
};

/// What a conversation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ConversationKind {
    /// For everybody.
    Room,
    /// Of two users.
    Direct,
    /// Of its members.
    Group,
}

impl ConversationKind {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Room => "room",
            Self::Direct => "direct",
            Self::Group => "group",
        }
    }

    /// Reads what [`as_str`](Self::as_str) wrote.
    pub fn from_text(text: &str) -> Self {
        match text {
            "direct" => Self::Direct,
            "group" => Self::Group,
            _ => Self::Room,
        }
    }
}

/// What a new member sees of what was said before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum History {
    /// Everything.
    #[default]
    All,
    /// Nothing: they see what comes after them.
    Joined,
}

impl History {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Joined => "joined",
        }
    }

    /// Reads what [`as_str`](Self::as_str) wrote.
    pub fn from_text(text: &str) -> Self {
        if text == "joined" { Self::Joined } else { Self::All }
    }
}

/// A conversation as all of its members see it: what `conversation` events carry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Card {
    /// `public` or another room's slug, `dm:alice:bob`, or `g-…`.
    #[schema(example = "public")]
    pub id: String,
    /// What it is.
    pub kind: ConversationKind,
    /// What it is called; directs have no name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub name: Option<String>,
    /// What members of a group see of the time before they joined.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub history: Option<History>,
    /// Who made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub created_by: Option<String>,
    /// When.
    pub created_at: String,
    /// The seq of the newest message; 0 without one.
    pub last_seq: u64,
    /// Who is in it: of directs and groups only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub members: Option<Vec<Member>>,
}

/// A conversation as one user sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Conversation {
    /// What all see alike.
    #[serde(flatten)]
    pub card: Card,
    /// Whether the user is a member.
    pub joined: bool,
    /// What the user may do, if they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub role: Option<Role>,
    /// The newest message.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub last_message: Option<Message>,
    /// Messages of others after `read_seq`, counted to 100.
    pub unread: u64,
    /// Those of them that mention the user.
    pub mentions: u64,
    /// The user has read everything up to this seq.
    pub read_seq: u64,
    /// How many have joined: of rooms only. As of this answer: that everybody with an account is in
    /// `public` goes without an event.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub member_count: Option<u64>,
}

/// A conversation's name: 1–80 characters that show something, in one line.
pub fn parse_name(text: &str) -> Result<String, Rejection> {
    let name = text.trim();
    if !is_blank(name) && name.chars().count() <= 80 && !misleads(name) {
        return Ok(name.to_owned());
    }
    Err(Rejection::field(
        "name",
        "name_invalid",
        "a name has 1 to 80 characters, all of them visible, in one line",
    ))
}

/// What else the service knows of a conversation; the rules ask for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its id.
    pub id: String,
    /// What it is.
    pub kind: ConversationKind,
    /// What it is called.
    pub name: Option<String>,
    /// What new members see.
    pub history: History,
    /// The name of who made it.
    pub created_by: Option<String>,
    /// When.
    pub created_at: Moment,
    /// The seq of the newest message.
    pub last_seq: u64,
}

impl Place {
    /// A direct conversation that begins.
    pub const fn direct(id: String, created_at: Moment) -> Self {
        Self {
            id,
            kind: ConversationKind::Direct,
            name: None,
            history: History::All,
            created_by: None,
            created_at,
            last_seq: 0,
        }
    }

    /// As its members see it.
    pub fn card(&self, members: Option<Vec<Member>>) -> Card {
        Card {
            id: self.id.clone(),
            kind: self.kind,
            name: self.name.clone(),
            history: (self.kind == ConversationKind::Group).then_some(self.history),
            created_by: self.created_by.clone(),
            created_at: self.created_at.to_string(),
            last_seq: self.last_seq,
            members,
        }
    }
}
