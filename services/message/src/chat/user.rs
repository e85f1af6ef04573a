//! [`User`]: a person, as others see them; [`Account`]: as the service knows them.

use common::{Moment, internal::UserRef};
use http_kit::Rejection;
use serde::Serialize;
use utoipa::ToSchema;

use super::visible::{is_blank, misleads};

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

/// A person, as they see themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Me {
    /// As others see them.
    #[serde(flatten)]
    pub user: User,
    /// Whether they may do what admins may.
    pub admin: bool,
}

/// A person, as admins see them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Managed {
    /// As others see them.
    #[serde(flatten)]
    pub user: User,
    /// Whether they may do what admins may.
    pub admin: bool,
    /// Whether the name can no longer be used.
    pub deactivated: bool,
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
    /// Their password, hashed.
    pub password_hash: Option<String>,
    /// Whether an outside issuer has said that the name is theirs.
    pub vouched: bool,
    /// Whether they may do what admins may.
    pub admin: bool,
    /// Tokens of other epochs are void.
    pub epoch: u64,
    /// Tokens without an epoch that were issued before this are void.
    pub signed_out_at: Option<Moment>,
    /// When they first came.
    pub created_at: Moment,
    /// Whether the name can no longer be used.
    pub deactivated: bool,
}

/// The most characters of a display name.
const MAX_DISPLAY_NAME: usize = 64;

/// Takes what someone wants to be called: 1–64 characters that show something, in one line.
pub fn parse_display_name(text: &str) -> Result<String, Rejection> {
    let refuse = |code, detail| Err(Rejection::field("display_name", code, detail));
    let name = text.trim();
    if name.chars().count() > MAX_DISPLAY_NAME {
        return refuse("display_name_too_long", "a display name has at most 64 characters");
    }
    if is_blank(name) {
        return refuse("display_name_empty", "a display name has at least one character");
    }
    if misleads(name) {
        return refuse("display_name_invalid", "a display name has printable characters only");
    }
    Ok(name.to_owned())
}

impl Account {
    /// What others may know.
    pub fn profile(&self) -> User {
        User {
            username: self.user.name.clone(),
            display_name: self.display_name.clone(),
            kind: self.kind,
            created_at: self.created_at.to_string(),
        }
    }

    /// What admins may know.
    pub fn managed(&self) -> Managed {
        Managed { user: self.profile(), admin: self.admin, deactivated: self.deactivated }
    }

    /// Whether the name can only be used with a credential.
    pub const fn is_protected(&self) -> bool {
        self.password_hash.is_some() || self.vouched || self.deactivated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_names_show_something_and_do_not_mislead() {
        for (name, code) in [
            ("", "display_name_empty"),
            (" \u{200d} ", "display_name_empty"),
            ("a\nb", "display_name_invalid"),
            ("a\u{202e}b", "display_name_invalid"),
            ("al\u{200d}ice", "display_name_invalid"),
            ("\u{2800}", "display_name_empty"),
            (&*"x".repeat(65), "display_name_too_long"),
        ] {
            assert_eq!(parse_display_name(name).unwrap_err().code(), code, "{name:?}");
        }
        assert_eq!(
            parse_display_name(" Zoë @ 👩\u{200d}💻: home ").unwrap(),
            "Zoë @ 👩\u{200d}💻: home"
        );
        assert_eq!(parse_display_name("I ❤\u{fe0f} Zoë").unwrap(), "I ❤\u{fe0f} Zoë");
    }
}
