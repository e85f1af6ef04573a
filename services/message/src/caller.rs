//! [`Caller`]: who is behind a request.

use actix_web::{HttpRequest, http::StatusCode};
use common::internal::UserRef;
use http_kit::Rejection;
use serde::Deserialize;

use crate::{
    access::Asker,
    change::{Actor, Refusal},
    routes::AppState,
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
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
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
    pub async fn of(
        state: &AppState,
        _request: &HttpRequest,
        claimed: Option<&str>,
    ) -> Result<Self, Rejection> {
        let Some(claimed) = claimed else {
            return Ok(Self::NOBODY);
        };
        let name = Username::parse(claimed)?;
        match state.store.account(name.key()).await? {
            Some(account) if account.is_protected() => Err(Refusal::NameProtected.into()),
            Some(account) => Ok(Self { user: Some(account.user), shown: false, admin: false }),
            None => Ok(Self { user: Some(name.to_ref()), shown: false, admin: false }),
        }
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
        self.user.as_ref().ok_or_else(|| {
            Rejection::new(
                StatusCode::UNAUTHORIZED,
                "user_missing",
                "say who you are: sign in, or where names are taken as given, send user=<name>",
            )
        })
    }
}
