//! [`Shown`]: who a credential shows its bearer to be.

use std::sync::Arc;

use actix_web::{
    HttpMessage, HttpRequest,
    http::{
        StatusCode,
        header::{HeaderValue, WWW_AUTHENTICATE},
    },
};
use common::internal::UserRef;
use http_kit::{AuthMode, Rejection, bearer, body::Gate};

use super::{Identity, cookie::SessionCookie, token::Proof};
use crate::chat::{post::not_you, user::Account, username::Username};

/// Who a credential shows its bearer to be, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Who; the operator is nobody.
    pub user: Option<UserRef>,
    /// Whether they may do what admins may.
    pub admin: bool,
    /// The epoch of the user's sessions.
    pub epoch: u64,
    /// When the credential ends, in seconds since 1970.
    pub expires_at: Option<u64>,
}

/// What a token says that has been signed by whom it should be; whether it is in force is for the
/// account to say.
#[derive(Debug)]
pub enum Presented {
    /// The operator's.
    Operator,
    /// A user's.
    User(Box<Proof>),
}

impl Presented {
    /// Reads a token; nothing for one that is no good.
    pub fn read(identity: &Identity, token: &str) -> Option<Self> {
        if identity.operator.as_ref().is_some_and(|operator| operator.is(token)) {
            return Some(Self::Operator);
        }
        match identity.tokens.verify(token) {
            Ok(proof) => Some(Self::User(Box::new(proof))),
            Err(error) => {
                tracing::debug!(%error, "a token was refused");
                None
            }
        }
    }

    /// Whom it is for.
    pub fn name(&self) -> Option<&Username> {
        match self {
            Self::Operator => None,
            Self::User(proof) => Some(&proof.name),
        }
    }
}

impl Shown {
    /// Who the credential of a request shows, or nothing where none is given and none is needed.
    pub async fn by(identity: &Identity, request: &HttpRequest) -> Result<Option<Self>, Rejection> {
        if let Some(shown) = request.extensions().get::<Self>() {
            return Ok(Some(shown.clone()));
        }
        if let Some(token) = bearer(request) {
            return Self::by_token(identity, token).await?.map(Some).ok_or_else(token_invalid);
        }
        let cookie = SessionCookie::of(request, identity);
        if let Some(token) = cookie.read(request) {
            if !request.method().is_safe() {
                identity.origins.check_with_cookie(request)?;
            }
            return Self::by_token(identity, token).await?.map(Some).ok_or_else(token_invalid);
        }
        match identity.mode {
            AuthMode::Open => Ok(None),
            AuthMode::Required => Err(token_missing()),
        }
    }

    /// Who a token shows, if it is valid.
    async fn by_token(identity: &Identity, token: &str) -> Result<Option<Self>, Rejection> {
        let Some(presented) = Presented::read(identity, token) else {
            return Ok(None);
        };
        let account = match presented.name() {
            Some(name) => identity.accounts.find(name.key()).await?,
            None => None,
        };
        Self::by_presented(identity, presented, account).await
    }

    /// Who a good token shows, if it is in force; `account` is of whom it is for, if they are known.
    pub async fn by_presented(
        identity: &Identity,
        presented: Presented,
        account: Option<Account>,
    ) -> Result<Option<Self>, Rejection> {
        let proof = match presented {
            Presented::Operator => {
                return Ok(Some(Self { user: None, admin: true, epoch: 0, expires_at: None }));
            }
            Presented::User(proof) => *proof,
        };
        let own = identity.tokens.are_own();
        let mut account = match account {
            Some(account) => account,
            None if own => return Ok(None),
            None => identity.accounts.welcome(proof.name.clone(), true).await?,
        };
        if !is_in_force(&proof, &account, identity) {
            tracing::debug!(user = account.user.name, "a token was refused: it has been revoked");
            return Ok(None);
        }
        if !own && !account.vouched {
            // They were here as a guest, and anybody could be.
            account = identity.accounts.welcome(proof.name.clone(), true).await?;
        }
        // Anybody can have a token of an account without a password: it proves nothing.
        let proven = account.password_hash.is_some() || !own;
        if !proven && identity.accounts.is_lookalike(&proof.name, Some(&account)).await? {
            tracing::debug!(
                user = account.user.name,
                "a token was refused: it is taken for another's"
            );
            return Ok(None);
        }
        Ok(Some(Self {
            admin: proof.admin || account.admin && proven,
            user: Some(account.user),
            epoch: account.epoch,
            expires_at: Some(proof.expires_at),
        }))
    }

    /// The credential is for whom the bearer claims to be, if they do.
    pub fn check_claim(&self, claimed: Option<&str>) -> Result<(), Rejection> {
        let Some(claimed) = claimed else {
            return Ok(());
        };
        let claimed = Username::parse(claimed)?;
        match &self.user {
            Some(user) if user.key == claimed.key() => Ok(()),
            _ => Err(not_you()),
        }
    }
}

/// Asks for credentials before a body is read, but by those who are about to get some.
pub fn gate(identity: Arc<Identity>) -> Gate {
    Gate::new(move |request| {
        let identity = identity.clone();
        async move {
            if matches!(request.match_pattern().as_deref(), Some("/users" | "/sessions")) {
                return Ok(());
            }
            if let Some(shown) = Shown::by(&identity, &request).await? {
                // For the handler, which asks again.
                request.extensions_mut().insert(shown);
            }
            Ok(())
        }
    })
}

/// The cookie that is the credential of a request, if one is.
pub fn cookie_shown<'a>(
    identity: &'a Identity,
    request: &HttpRequest,
) -> Option<SessionCookie<'a>> {
    let cookie = SessionCookie::of(request, identity);
    (bearer(request).is_none() && cookie.read(request).is_some()).then_some(cookie)
}

/// Whether a valid token has been revoked meanwhile.
fn is_in_force(proof: &Proof, account: &Account, identity: &Identity) -> bool {
    if account.deactivated {
        return false;
    }
    if let Some(epoch) = proof.epoch {
        // One that was issued to a mere name is worth nothing once names must be shown.
        let enough = identity.is_open() || account.password_hash.is_some();
        return epoch == account.epoch && enough;
    }
    let Some(signed_out_at) = account.signed_out_at else {
        return true;
    };
    // `iat` has seconds mostly: of the second of the sign-out itself, none is believed.
    let signed_out_at = signed_out_at.micros() as f64 / 1e6;
    proof.issued_at.is_some_and(|issued_at| issued_at >= signed_out_at)
}

const BEARER: HeaderValue = HeaderValue::from_static("Bearer");

/// Nobody in particular is not welcome here.
pub fn token_missing() -> Rejection {
    Rejection::new(
        StatusCode::UNAUTHORIZED,
        "token_missing",
        "sign in: POST /sessions, then send the token as Authorization: Bearer",
    )
    .with_header(WWW_AUTHENTICATE, BEARER)
}

/// The same answer whatever is wrong with a token.
pub fn token_invalid() -> Rejection {
    Rejection::new(
        StatusCode::UNAUTHORIZED,
        "token_invalid",
        "your token has expired or is not valid: sign in again",
    )
    .with_header(WWW_AUTHENTICATE, BEARER)
}
