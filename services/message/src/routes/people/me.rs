//! `/users/me`: one's own profile.

use std::net::IpAddr;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header::SET_COOKIE},
    web::{self, Data},
};
use http_kit::{
    JsonBody, Query, Rejection,
    rejection::ProblemBody,
    request::{get, resource},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::sessions;
use crate::{
    chat::{
        change::{Change, Refusal},
        user::{Account, Me, parse_display_name},
    },
    identity::{
        caller::{Caller, Claim},
        cookie::SessionCookie,
        credential::cookie_shown,
        password::Password,
    },
    state::AppState,
};

pub(super) fn configure(config: &mut web::ServiceConfig) {
    config.service(
        resource("/users/me", "GET, HEAD, PATCH")
            .route(web::patch().to(patch_me))
            .route(get().to(get_me)),
    );
}

/// Read one's own profile. A cookie that is not valid any more is taken away.
#[utoipa::path(
    get, path = "/users/me", tag = "users", params(Claim),
    responses(
        (status = 200, description = "the profile", body = Me),
        (status = 401, description = "say who you are", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "nobody has used this name yet", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn get_me(
    request: HttpRequest,
    state: Data<AppState>,
    claim: Query<Claim>,
) -> Result<HttpResponse, Rejection> {
    let caller = Caller::of(&state.identity, &request, claim.user.as_deref()).await;
    // Here, where a page asks who it is, and nowhere else: the answer to any other request may come
    // after the page has got a newer cookie, and would take that.
    let caller = caller.map_err(|refusal| match cookie_shown(&state.identity, &request) {
        Some(cookie) if refusal.status() == StatusCode::UNAUTHORIZED => {
            refusal.with_header(SET_COOKIE, cookie.clear())
        }
        _ => refusal,
    })?;
    let account = own_account(&state, &caller).await?;
    Ok(HttpResponse::Ok().json(Me { user: account.profile(), admin: caller.admin }))
}

/// The body of `PATCH /users/me`.
#[derive(Debug, Deserialize, ToSchema)]
pub struct RawMe {
    /// What they want to be called: 1–64 characters; spaces around them do not count.
    #[schema(min_length = 1, example = "Alice")]
    display_name: Option<String>,
    /// A new password. Ends all sessions; the answer has a new token.
    #[schema(value_type = Option<String>, min_length = 8, max_length = 256)]
    password: Option<Password>,
    /// The password until now, if there is one.
    #[schema(value_type = Option<String>)]
    current_password: Option<Password>,
}

/// The answer to a change of one's own profile.
#[derive(Serialize, ToSchema)]
pub struct Changed {
    #[serde(flatten)]
    me: Me,
    /// After a new password: the token to go on with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    token: Option<String>,
    /// When that token ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "2024-01-08T12:00:00Z")]
    expires_at: Option<String>,
}

/// Change one's own profile.
///
/// A new password ends every session, on all devices; the answer has a new token, and sets the
/// cookie.
#[utoipa::path(
    patch, path = "/users/me", tag = "users", params(Claim), request_body = RawMe,
    responses(
        (status = 200, description = "the profile as it is now", body = Changed),
        (status = 401, description = "say who you are", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "an outside issuer keeps the passwords", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "nobody has used this name yet", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "a password would protect a name that looks like a protected one", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "a field is not acceptable, or the current password is wrong", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "too many wrong passwords: see Retry-After", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "not now: try again", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn patch_me(
    request: HttpRequest,
    state: Data<AppState>,
    claim: Query<Claim>,
    JsonBody(raw): JsonBody<RawMe>,
) -> Result<HttpResponse, Rejection> {
    let caller = Caller::of(&state.identity, &request, claim.user.as_deref()).await?;
    let account = own_account(&state, &caller).await?;
    let display_name = raw.display_name.as_deref().map(parse_display_name).transpose()?;
    let password_hash = match &raw.password {
        Some(password) => {
            state.identity.require_own()?;
            let address = state.identity.proxies.client_address(&request);
            state.identity.sign_in_rate.take(address)?;
            password.check()?;
            check_current(&state, address, &account, raw.current_password.as_ref()).await?;
            Some(state.identity.passwords.hash(password).await?)
        }
        None => None,
    };
    let new_password = password_hash.is_some();
    let Account { user, epoch, .. } = account;
    let change = Change::UpdateProfile { user, epoch, display_name, password_hash };
    let account = state.identity.accounts.change(change).await?;
    let me = Me { user: account.profile(), admin: caller.admin };
    let mut response = HttpResponse::Ok();
    if !new_password {
        return Ok(response.json(Changed { me, token: None, expires_at: None }));
    }
    tracing::info!(user = account.user.name, "changed the password; all sessions have ended");
    let issued = sessions::issue(&state, &account)?;
    let cookie = SessionCookie::of(&request, &state.identity);
    response.insert_header((SET_COOKIE, cookie.set(&issued.token, state.identity.ttl_secs())));
    let expires_at = Some(sessions::timestamp(issued.expires_at));
    Ok(response.json(Changed { me, token: Some(issued.token), expires_at }))
}

/// The account of a caller, who is known once they have signed in, registered or posted.
async fn own_account(state: &AppState, caller: &Caller) -> Result<Account, Rejection> {
    let user = caller.require_user()?;
    Ok(state.store.account(&user.key).await?.ok_or(Refusal::NoUser)?)
}

/// Whoever changes a password knows it: a session left open is not enough.
async fn check_current(
    state: &AppState,
    address: IpAddr,
    account: &Account,
    current: Option<&Password>,
) -> Result<(), Rejection> {
    if account.password_hash.is_none() {
        return Ok(());
    }
    let Some(current) = current else {
        return Err(Rejection::field(
            "current_password",
            "current_password_missing",
            "to change the password, send the present one too",
        ));
    };
    if sessions::is_password(state, address, &account.user.key, Some(account), current).await? {
        return Ok(());
    }
    tracing::warn!(
        user = account.user.name,
        "a password was not changed: the present one is wrong"
    );
    Err(Rejection::field("current_password", "credentials_wrong", "this is not your password"))
}
