//! [`Caller`]: who is behind a request.

use actix_web::{HttpRequest, http::StatusCode};
use common::internal::UserRef;
use http_kit::Rejection;
use serde::Deserialize;

use super::{Identity, credential::Shown};
use crate::chat::{
    access::Asker,
    change::{Actor, Refusal},
    post::Terms,
    user::Account,
    username::Username,
};

/// Who is behind a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Who; nobody in particular without.
    pub user: Option<UserRef>,
    /// Whether a credential shows it; else it is taken as given.
    pub shown: bool,
    /// Whether they may do what admins may.
    pub admin: bool,
}

/// The query parameter by which a caller says who they are, where that is taken as given.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams, utoipa::ToSchema)]
#[into_params(parameter_in = Query)]
pub struct Claim {
    /// Who asks, where identities are taken as given. With a credential it can be left out.
    #[serde(alias = "username", alias = "sender", alias = "senderId", alias = "userId")]
    #[param(nullable = false)]
    pub user: Option<String>,
}

impl Caller {
    /// Nobody in particular.
    pub const NOBODY: Self = Self { user: None, shown: false, admin: false };

    /// Finds out who is behind a request; `claimed` is the name by which they call themselves.
    ///
    /// A credential decides, and one that is not valid is refused. Without one, a name is taken
    /// as given in open mode, unless it can only be used with a credential.
    pub async fn of(
        identity: &Identity,
        request: &HttpRequest,
        claimed: Option<&str>,
    ) -> Result<Self, Rejection> {
        let Some(shown) = Shown::by(identity, request).await? else {
            return Self::said(identity, claimed).await.map(|(caller, _)| caller);
        };
        shown.check_claim(claimed)?;
        Ok(Self { user: shown.user, shown: true, admin: shown.admin })
    }

    /// Someone of whom nothing is known but what they say, and the epoch of their name's sessions.
    pub async fn said(
        identity: &Identity,
        claimed: Option<&str>,
    ) -> Result<(Self, u64), Rejection> {
        let Some(claimed) = claimed else {
            return Ok((Self::NOBODY, 0));
        };
        let name = Username::parse(claimed)?;
        let account = identity.accounts.find(name.key()).await?;
        if account.as_ref().is_some_and(Account::is_protected)
            || identity.accounts.is_lookalike(&name, account.as_ref()).await?
        {
            return Err(Refusal::NameProtected.into());
        }
        let known = account.map(|account| (account.user, account.epoch));
        let (user, epoch) = known.unwrap_or_else(|| (name.to_ref(), 0));
        Ok((Self { user: Some(user), shown: false, admin: false }, epoch))
    }

    /// On which terms a request may post at most so many characters. Without a credential nothing
    /// is read: whether the name in the body can be used is for the writer to say.
    pub async fn terms(
        identity: &Identity,
        request: &HttpRequest,
        max_content_chars: usize,
    ) -> Result<Terms, Rejection> {
        let user = match Shown::by(identity, request).await? {
            Some(Shown { user: Some(user), .. }) => Some(Username::parse(&user.name)?),
            Some(_) => return Err(user_missing()),
            None => None,
        };
        Ok(Terms { user, open: identity.is_open(), max_content_chars, guest: None })
    }

    /// Their key.
    pub fn key(&self) -> Option<&str> {
        self.user.as_ref().map(|user| user.key.as_str())
    }

    /// As the rules see them.
    pub fn asker(&self) -> Asker<'_> {
        Asker { key: self.key(), admin: self.admin }
    }

    /// As those who make a change.
    pub fn actor(&self) -> Actor {
        Actor { user: self.user.clone(), admin: self.admin }
    }

    /// The user, for what nobody in particular cannot do.
    pub fn require_user(&self) -> Result<&UserRef, Rejection> {
        self.user.as_ref().ok_or_else(user_missing)
    }
}

/// What needs somebody was asked by nobody in particular.
pub fn user_missing() -> Rejection {
    Rejection::new(
        StatusCode::UNAUTHORIZED,
        "user_missing",
        "say who you are: sign in, or where names are taken as given, send user=<name>",
    )
}
