//! The permission rules: who may do what, decided here and nowhere else.
//!
//! Rules are pure: reads and the writer load what they ask for, in their own snapshot, so that a
//! decision is never older than what it decides on. Whatever a caller may not see answers like
//! something that does not exist; what they may see but not do is [`Forbidden`](Refusal::Forbidden).

use super::{
    change::Refusal,
    conversation::{ConversationKind, History},
    member::Role,
};

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asker<'a> {
    /// Their key; nobody has none.
    pub key: Option<&'a str>,
    /// Whether they may do what admins may.
    pub admin: bool,
}

/// What someone is to a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What it is.
    pub kind: ConversationKind,
    /// What new members see of it.
    pub history: History,
    /// What they are in it, if they are.
    pub membership: Option<Membership>,
}

/// A membership, as far as the rules need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The role.
    pub role: Role,
    /// The newest seq when it began.
    pub joined_seq: u64,
}

impl Standing {
    /// Reading: everybody in rooms, members elsewhere. Returns the seq after which they may read.
    pub fn read(&self) -> Result<u64, Refusal> {
        match (self.kind, self.membership) {
            (ConversationKind::Room, _) => Ok(0),
            (_, Some(it)) if self.history == History::Joined => Ok(it.joined_seq),
            (_, Some(_)) => Ok(0),
            (_, None) => Err(Refusal::NoConversation),
        }
    }

    /// Reading one message of it.
    pub fn read_message(&self, seq: u64) -> Result<(), Refusal> {
        match self.read() {
            Ok(after) if seq > after => Ok(()),
            _ => Err(Refusal::NoMessage),
        }
    }

    /// Posting, typing: whoever may read.
    pub fn post(&self) -> Result<(), Refusal> {
        self.read().map(|_| ())
    }

    /// Renaming, changing roles: the owners of a group, the owners of a room.
    pub fn manage(&self) -> Result<(), Refusal> {
        self.read()?;
        match (self.kind, self.membership) {
            (ConversationKind::Direct, _) => Err(Refusal::Forbidden),
            (_, Some(Membership { role: Role::Owner, .. })) => Ok(()),
            _ => Err(Refusal::Forbidden),
        }
    }

    /// Making somebody else a member: the owners of a group. A room one joins oneself, or others would
    /// decide what one hears, and how much one has to ask for.
    pub fn bring(&self) -> Result<(), Refusal> {
        self.manage()?;
        if self.kind == ConversationKind::Room { Err(Refusal::Forbidden) } else { Ok(()) }
    }

    /// Becoming a member oneself: of rooms only.
    pub fn join(&self) -> Result<(), Refusal> {
        self.read()?;
        if self.kind == ConversationKind::Room || self.membership.is_some() {
            return Ok(());
        }
        Err(Refusal::Forbidden)
    }

    /// Ceasing to be a member oneself: not of a direct conversation.
    pub fn leave(&self) -> Result<(), Refusal> {
        self.read()?;
        if self.kind == ConversationKind::Direct {
            return Err(Refusal::Forbidden);
        }
        Ok(())
    }
}

/// Editing: the author, as long as they may read it.
pub fn edit(asker: Asker, standing: &Standing, author: &str, seq: u64) -> Result<(), Refusal> {
    standing.read_message(seq)?;
    if asker.key == Some(author) { Ok(()) } else { Err(Refusal::Forbidden) }
}

/// Deleting: the author, and admins whatever they may read: they answer for what stands here.
pub fn delete(asker: Asker, standing: &Standing, author: &str, seq: u64) -> Result<(), Refusal> {
    if asker.admin {
        return Ok(());
    }
    edit(asker, standing, author, seq)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(kind: ConversationKind, membership: Option<(Role, u64)>) -> Standing {
        let membership = membership.map(|(role, joined_seq)| Membership { role, joined_seq });
        Standing { kind, history: History::Joined, membership }
    }

    #[test]
    fn what_one_may_not_see_does_not_exist() {
        for kind in [ConversationKind::Direct, ConversationKind::Group] {
            let stranger = standing(kind, None);
            assert_eq!(stranger.read(), Err(Refusal::NoConversation));
            assert_eq!(stranger.post(), Err(Refusal::NoConversation));
            assert_eq!(stranger.manage(), Err(Refusal::NoConversation));
            assert_eq!(stranger.join(), Err(Refusal::NoConversation));
            assert_eq!(stranger.leave(), Err(Refusal::NoConversation));
            let nobody = Asker { key: None, admin: false };
            assert_eq!(edit(nobody, &stranger, "a", 1), Err(Refusal::NoMessage));
            assert_eq!(delete(nobody, &stranger, "a", 1), Err(Refusal::NoMessage));
        }
    }

    #[test]
    fn members_see_from_joining_on_and_owners_manage() {
        let member = standing(ConversationKind::Group, Some((Role::Member, 7)));
        assert_eq!(member.read(), Ok(7));
        assert_eq!(member.read_message(7), Err(Refusal::NoMessage));
        assert_eq!(member.read_message(8), Ok(()));
        assert_eq!(member.manage(), Err(Refusal::Forbidden));
        let owner = standing(ConversationKind::Group, Some((Role::Owner, 0)));
        assert_eq!((owner.manage(), owner.bring()), (Ok(()), Ok(())));
        let host = standing(ConversationKind::Room, Some((Role::Owner, 0)));
        assert_eq!((host.manage(), host.bring()), (Ok(()), Err(Refusal::Forbidden)));
        let direct = standing(ConversationKind::Direct, Some((Role::Member, 0)));
        assert_eq!(direct.manage(), Err(Refusal::Forbidden));
        assert_eq!(direct.leave(), Err(Refusal::Forbidden));
    }

    #[test]
    fn authors_edit_and_admins_only_delete() {
        let room = standing(ConversationKind::Room, None);
        let asker = |key, admin| Asker { key: Some(key), admin };
        assert_eq!(edit(asker("a", false), &room, "a", 1), Ok(()));
        assert_eq!(edit(asker("b", true), &room, "a", 1), Err(Refusal::Forbidden));
        assert_eq!(delete(asker("b", false), &room, "a", 1), Err(Refusal::Forbidden));
        assert_eq!(delete(asker("b", true), &room, "a", 1), Ok(()));
        let unseen = standing(ConversationKind::Group, None);
        assert_eq!(delete(asker("b", true), &unseen, "a", 1), Ok(()));
    }
}
