//! [`Conversation`]: where messages are, and who is there.

use common::EventId;
use http_kit::Rejection;
use serde::{Deserialize, Serialize};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};
use utoipa::ToSchema;

use crate::{
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

/// In larger groups what passes by is not told to everybody: who is typing, how far each has read.
/// Among `n` members that is `n` facts to `n` of them for every message.
pub const MOST_WATCHERS: u32 = 100;

/// The id of the direct conversation of two users, by their keys, in either order.
pub fn direct_id(one: &str, other: &str) -> String {
    let (first, second) = if one <= other { (one, other) } else { (other, one) };
    format!("dm:{first}:{second}")
}

/// The keys of the two users whose direct conversation has this id.
pub fn direct_keys(id: &str) -> Option<(&str, &str)> {
    id.strip_prefix("dm:")?.split_once(':')
}

/// A new group's id.
pub fn group_id() -> String {
    format!("g-{}", uuid::Uuid::new_v4().simple())
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

/// A room's id: 1–64 lower-case letters, digits and dashes.
pub fn parse_room_id(text: &str) -> Result<String, Rejection> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let well_formed = (1..=64).contains(&text.len())
        && text.bytes().all(|byte| plain(byte) || byte == b'-')
        && text.bytes().next().is_some_and(plain)
        // Not to be taken for a group, or for the route of that name.
        && !text.starts_with("g-")
        && text != "resolve";
    if well_formed {
        return Ok(text.to_owned());
    }
    Err(Rejection::field(
        "id",
        "room_id_invalid",
        "a room's id has 1 to 64 lower-case letters, digits and dashes, does not begin with g-, and \
         is not resolve",
    ))
}

/// A room's id made from its name, whose letters lose their accents. Refused if there are others
/// than those of ids: what is left of such a name would be another one.
pub fn room_id_from(name: &str) -> Result<String, Rejection> {
    let mut id = String::new();
    for c in name.nfd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase) {
        if c.is_ascii_alphanumeric() {
            id.push(c);
        } else if c.is_alphanumeric() {
            return Err(room_id_missing());
        } else if !id.is_empty() && !id.ends_with('-') {
            id.push('-');
        }
    }
    id.truncate(64);
    parse_room_id(id.trim_end_matches('-')).map_err(|_| room_id_missing())
}

fn room_id_missing() -> Rejection {
    Rejection::field(
        "id",
        "room_id_invalid",
        "no id can be made from this name: send one in id, of lower-case letters, digits and dashes",
    )
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
    pub created_at: EventId,
    /// The seq of the newest message.
    pub last_seq: u64,
}

impl Place {
    /// A direct conversation that begins.
    pub const fn direct(id: String, created_at: EventId) -> Self {
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
            created_at: self.created_at.timestamp(),
            last_seq: self.last_seq,
            members,
        }
    }
}
