//! [`Rule`]: who may make a request, in a few words; and what everybody is answered then.

use super::cast::{Mode, Who};

/// Who sees what a request is about. To everybody else it does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sees {
    /// Everybody who may ask at all.
    All,
    /// Those in the group; what they do not see has this code.
    Group(&'static str),
    /// The two of the direct conversation.
    Direct(&'static str),
    /// The same two; and where names are taken as given, those who do not say theirs.
    Unsaid(&'static str),
    /// The author, whose name is in the request. Who shows to be another is told so; where names
    /// are taken as given, the name in the request is.
    Themselves,
    /// The author and the member, whose names are in the request.
    TheTwo,
}

/// Who of those may do it. To the others it is forbidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum May {
    /// Whoever comes: no credential is looked at.
    Anyone,
    /// Whoever may ask at all, nobody in particular and the operator among them.
    Ask,
    /// Whoever may ask at all, but for the operator, who has no name to post under.
    Post,
    /// Every user.
    User,
    /// Whoever has a credential, the operator too: not a mere name.
    Signed,
    /// The author of the message.
    Author,
    /// The author, and admins even if they do not see it.
    AuthorOrAdmin,
    /// The owner of the group or room.
    Owner,
    /// The owner, and the author where it is about them.
    OwnerOrAuthor,
    /// No user.
    Nothing,
    /// Admins, the operator among them.
    Admin,
    /// The other service; where names are taken as given, whoever is on this machine.
    Service,
    /// The other service, everywhere.
    Internal,
}

/// A rule, and the status of success.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    pub(crate) sees: Sees,
    pub(crate) may: May,
    pub(crate) success: u16,
    /// Whether names in the request say who asks: a wrong one is refused.
    pub(crate) claims: bool,
}

/// What is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    Success(u16),
    Refusal(u16, &'static str),
    /// 404, the same as for what does not exist.
    Hidden(&'static str),
}

impl Rule {
    pub(crate) fn expected(&self, who: Who, mode: Mode) -> Expected {
        use Expected::{Hidden, Refusal, Success};
        let success = Success(self.success);
        match self.may {
            May::Anyone => return success,
            May::Service if mode == Mode::Open => return success,
            May::Service | May::Internal => return Refusal(401, "signature_missing"),
            _ => {}
        }
        if who.has_bad_token() {
            return Refusal(401, "token_invalid");
        }
        if !who.has_token(mode) && (mode == Mode::Required || self.may == May::Signed) {
            return Refusal(401, "token_missing");
        }
        match who {
            Who::Thief if self.claims => return Refusal(401, "name_registered"),
            Who::Impostor if self.claims => return Refusal(403, "not_you"),
            _ => {}
        }
        let is_admin = matches!(who, Who::Admin | Who::Operator);
        match self.may {
            May::AuthorOrAdmin if is_admin => return success,
            May::Ask | May::Signed | May::Admin => {}
            May::Post if who != Who::Operator => {}
            _ if !who.is_user(self.claims) => return Refusal(401, "user_missing"),
            _ => {}
        }
        match self.sees {
            Sees::Group(code) if !who.is_in_group() => return Hidden(code),
            Sees::Direct(code) if !who.is_in_direct() => return Hidden(code),
            Sees::Unsaid(_) if who == Who::Nobody => {}
            Sees::Unsaid(code) if !who.is_in_direct() => return Hidden(code),
            Sees::Themselves if who.has_token(mode) && who != Who::Author => {
                return Refusal(403, "not_you");
            }
            Sees::TheTwo if who.has_token(mode) && !who.is_in_direct() => {
                return Refusal(403, "not_you");
            }
            _ => {}
        }
        let may = match self.may {
            May::Author | May::AuthorOrAdmin => who == Who::Author,
            May::Owner => who == Who::Owner,
            May::OwnerOrAuthor => matches!(who, Who::Owner | Who::Author),
            May::Nothing => false,
            May::Admin => is_admin,
            _ => true,
        };
        if may { success } else { Refusal(403, "forbidden") }
    }
}
