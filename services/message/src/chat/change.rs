//! [`Change`]: what the writer is asked to do besides posting, and what comes of it.

use std::sync::Arc;

use common::{
    Audience, EventId,
    internal::{Delivered, UserRef},
};

use super::{
    conversation::{Card, ConversationKind, History},
    member::Role,
    message::Message,
    post::Post,
    user::Account,
    username::Username,
};

/// One thing for the writer to do. Each is done wholly or not at all.
#[derive(Clone, Debug)]
pub enum Operation {
    /// Store a message.
    Post(Post),
    /// Anything else.
    Change(Box<Change>),
}

impl Operation {
    /// About how many rows it writes, and for whom if that may be many: the key of a user, or nobody's
    /// for what the other service tells.
    pub fn weight(&self) -> (usize, &str) {
        match self {
            Self::Post(_) => (1, ""),
            Self::Change(change) => match &**change {
                Change::CreateConversation { owner, members, .. } => {
                    (1 + members.len(), &owner.key)
                }
                Change::MarkAll { user, marks } => (marks.len(), &user.key),
                Change::Deliver(delivered) => (delivered.len(), ""),
                _ => (1, ""),
            },
        }
    }
}

/// Who makes a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Who; an operator is nobody.
    pub user: Option<UserRef>,
    /// Whether they may do what admins may.
    pub admin: bool,
}

/// A change that is not a new message.
#[derive(Clone, Debug)]
pub enum Change {
    /// Make a room or a group.
    CreateConversation {
        /// Its first owner.
        owner: UserRef,
        /// Room or group.
        kind: ConversationKind,
        /// Its id.
        id: String,
        /// Its name.
        name: String,
        /// What later members see.
        history: History,
        /// Further members.
        members: Vec<Username>,
        /// Whether members who are not known yet become guests.
        invites_guests: bool,
    },
    /// Find the direct conversation of two users, or make it.
    ResolveDirect {
        /// Who asks.
        user: UserRef,
        /// The other one.
        other: Username,
        /// Whether one who is not known yet becomes a guest.
        invites_guests: bool,
    },
    /// Change what all members see alike.
    UpdateConversation {
        /// Who.
        actor: Actor,
        /// Which.
        id: String,
        /// A new name.
        name: Option<String>,
        /// A new rule.
        history: Option<History>,
    },
    /// Add a member, join, or change a role.
    PutMember {
        /// Who.
        actor: Actor,
        /// Where.
        conversation_id: String,
        /// Whom.
        user: Username,
        /// As what; unchanged, or a mere member, without it.
        role: Option<Role>,
        /// Whether someone who is not known yet becomes a guest.
        invites_guests: bool,
    },
    /// Remove a member, or leave.
    RemoveMember {
        /// Who.
        actor: Actor,
        /// Where.
        conversation_id: String,
        /// Whom.
        user: Username,
    },
    /// Change what a message says.
    Edit {
        /// Who.
        actor: Actor,
        /// Which.
        message_id: EventId,
        /// What it says now.
        content: String,
    },
    /// Leave nothing of a message but its place.
    Delete {
        /// Who.
        actor: Actor,
        /// Which.
        message_id: EventId,
    },
    /// React to a message, or take that back.
    React {
        /// Who.
        user: UserRef,
        /// To which.
        message_id: EventId,
        /// How.
        emoji: String,
        /// Whether it is taken back.
        take_back: bool,
    },
    /// Move a user's markers forward. In a conversation that is not theirs it is refused.
    Mark {
        /// Whose.
        user: UserRef,
        /// Where to.
        mark: Mark,
    },
    /// Move a user's markers forward in those of the conversations that are theirs.
    MarkAll {
        /// Whose.
        user: UserRef,
        /// Where to.
        marks: Vec<Mark>,
    },
    /// Note what has reached users.
    Deliver(Vec<Delivered>),
    /// Make an account.
    Register {
        /// Under this name.
        name: Username,
        /// What they want to be called.
        display_name: String,
        /// The password's hash.
        password_hash: Option<String>,
        /// Whether the name of a guest can be taken over.
        takes_over_guest: bool,
    },
    /// See to it that someone who has only a name can be addressed.
    Welcome {
        /// The name.
        name: Username,
        /// Whether an outside issuer says that it is theirs: nobody uses it without a token then.
        vouched: bool,
    },
    /// Change a profile.
    UpdateProfile {
        /// Whose.
        user: UserRef,
        /// The epoch of their sessions in which it was found that they may. If another one has
        /// begun since, somebody has protected the name or signed them out: it is refused.
        epoch: u64,
        /// What they want to be called.
        display_name: Option<String>,
        /// A new password's hash. Ends all sessions.
        password_hash: Option<String>,
    },
    /// Change what an account may do.
    UpdateAccount {
        /// Whose.
        user: Username,
        /// Whether they may do what admins may.
        admin: Option<bool>,
        /// Whether the name can no longer be used. Ends all sessions.
        deactivated: Option<bool>,
    },
    /// End all sessions of a user.
    EndSessions {
        /// Whose.
        user: UserRef,
    },
}

/// Where markers move in a conversation; they never move back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Where.
    pub conversation_id: String,
    /// Read up to this seq. What is read has been delivered.
    pub read: Option<u64>,
    /// Delivered up to this seq.
    pub delivered: Option<u64>,
}

/// What came of an operation.
pub type Outcome = Result<Answer, Refusal>;

/// What an operation did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A message was stored.
    Posted(Message),
    /// It had been stored before; this is the message it made then.
    Repeated(Message),
    /// A message as it is now.
    Message(Message),
    /// A conversation as it is now, and whether it was made.
    Conversation(Card, Made),
    /// A member is what was asked for, and whether they were added.
    Member(Made),
    /// An account as it is now, and whether it was made.
    Account(Box<Account>, Made),
    /// It is done, or there was nothing to do.
    Done,
}

/// Whether something was made or had been there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// It was made.
    New,
    /// It had been there.
    Found,
}

/// Why an operation was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No such conversation, or not for the caller.
    NoConversation,
    /// No such message, or not for the caller.
    NoMessage,
    /// No such user.
    NoUser,
    /// No such member.
    NoMember,
    /// Visible, but not allowed.
    Forbidden,
    /// The key of a post was used before, for another one.
    KeyReused,
    /// The message that is replied to is not in the conversation.
    NoReply,
    /// The name belongs to someone who has to show it.
    NameProtected,
    /// The name is taken for another one, which is protected.
    NameConfusable,
    /// The name has been registered.
    NameTaken,
    /// The id of the room is in use.
    RoomTaken,
    /// A group has no room for more.
    GroupFull,
    /// A message has no room for more kinds of reactions.
    TooManyReactions,
    /// A deleted message stays as it is.
    Deleted,
    /// One cannot write to oneself.
    Oneself,
}

/// Markers that moved, for those who may know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Where.
    pub conversation_id: String,
    /// Whose, by key and by name.
    pub user: UserRef,
    /// They have read everything up to this.
    pub read_seq: u64,
    /// Everything up to this has reached them.
    pub delivered_seq: u64,
    /// Who is told; shared by all the receipts that a change makes in a conversation.
    pub audience: Arc<Audience>,
}
