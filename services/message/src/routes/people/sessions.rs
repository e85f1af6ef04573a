//! `/sessions`: signing in and out.

use std::net::IpAddr;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, SET_COOKIE},
    },
    web::{self, Data},
};
use http_kit::{JsonBody, Rejection, rejection::ProblemBody, request::resource};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::users::password_missing;
use crate::{
    chat::{
        change::{Change, Refusal},
        user::{Account, User},
        username::Username,
    },
    identity::{
        cookie::SessionCookie,
        credential::{Shown, token_missing},
        password::Password,
        token::Issued,
    },
    state::AppState,
};

pub(super) fn configure(config: &mut web::ServiceConfig) {
    config
        .service(resource("/sessions", "POST").route(web::post().to(sign_in)))
        .service(resource("/sessions/current", "DELETE").route(web::delete().to(sign_out)));
}

/// The body of `POST /sessions`.
#[derive(Debug, Deserialize, ToSchema)]
pub struct RawSignIn {
    /// Who: a name of 1–64 characters; spaces around it do not count. Also read from `user`.
    #[serde(alias = "user", alias = "sender", alias = "senderId")]
    #[schema(min_length = 1, example = "alice")]
    username: String,
    /// Their password. In open mode, a name that has none needs none.
    #[schema(value_type = Option<String>)]
    password: Option<Password>,
}

/// A session that has begun.
#[derive(Serialize, ToSchema)]
pub struct Session {
    /// To be sent as `Authorization: Bearer`.
    token: String,
    /// When it ends.
    #[schema(example = "2024-01-08T12:00:00Z")]
    expires_at: String,
    /// Who has signed in.
    user: User,
}

/// Sign in: for a token, and a cookie that carries it for pages.
#[utoipa::path(
    post, path = "/sessions", tag = "sessions", request_body = RawSignIn,
    responses(
        (status = 200, description = "signed in", body = Session, headers(
            ("Set-Cookie" = String, description = "the token, for pages of this origin"),
        )),
        (status = 401, description = "wrong name or password; or the name has a password", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "deactivated; or an outside issuer keeps the accounts", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "a field is not acceptable", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "too many: see Retry-After", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "not now: try again", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn sign_in(
    request: HttpRequest,
    state: Data<AppState>,
    JsonBody(raw): JsonBody<RawSignIn>,
) -> Result<HttpResponse, Rejection> {
    let address = state.identity.proxies.client_address(&request);
    let count = |outcome: &str| state.identity.sign_ins.with_label_values(&[outcome]).inc();
    state.identity.sign_in_rate.take(address).inspect_err(|_| count("refused"))?;
    state.identity.require_own()?;
    let name = Username::parse_field("username", &raw.username)?;
    let account = match &raw.password {
        Some(password) => by_password(&state, &name, password, address).await,
        None if state.identity.is_open() => by_name(&state, &name).await,
        None => Err(password_missing()),
    };
    let account = account.inspect_err(|refusal| {
        let wrong = refusal.code() == WRONG;
        count(if wrong { "wrong" } else { "refused" });
        tracing::warn!(user = %name, %address, reason = refusal.code(), "sign-in refused");
    })?;
    count("signed_in");
    tracing::info!(user = account.user.name, %address, "signed in");
    let Issued { token, expires_at } = issue(&state, &account)?;
    let cookie = SessionCookie::of(&request, &state.identity);
    Ok(HttpResponse::Ok()
        .insert_header((SET_COOKIE, cookie.set(&token, state.identity.ttl_secs())))
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(Session { token, expires_at: timestamp(expires_at), user: account.profile() }))
}

/// Sign out, on all devices: every session of the user ends, and the streams that they opened.
#[utoipa::path(
    delete, path = "/sessions/current", tag = "sessions",
    responses(
        (status = 204, description = "signed out"),
        (status = 401, description = "not signed in", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "not now: try again", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn sign_out(
    request: HttpRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, Rejection> {
    // A name alone does not do: anybody could end the sessions of others.
    let shown = Shown::by(&state.identity, &request).await?.ok_or_else(token_missing)?;
    if let Some(user) = shown.user {
        tracing::info!(user = user.name, "signed out; all sessions have ended");
        state.identity.accounts.change(Change::EndSessions { user }).await?;
    }
    let cookie = SessionCookie::of(&request, &state.identity);
    Ok(HttpResponse::NoContent().insert_header((SET_COOKIE, cookie.clear())).finish())
}

/// The code of the one answer to a wrong password and to an unknown name.
const WRONG: &str = "credentials_wrong";

async fn by_password(
    state: &AppState,
    name: &Username,
    password: &Password,
    address: IpAddr,
) -> Result<Account, Rejection> {
    let account = state.store.account(name.key()).await?;
    if !is_password(state, address, name.key(), account.as_ref(), password).await? {
        return Err(Rejection::new(StatusCode::UNAUTHORIZED, WRONG, "name or password are wrong"));
    }
    match account {
        Some(account) if !account.deactivated => Ok(account),
        // Only those are told who know the password.
        _ => {
            tracing::warn!(user = %name, %address, "a deactivated user tried to sign in");
            Err(Rejection::new(
                StatusCode::FORBIDDEN,
                "deactivated",
                "this account has been deactivated: ask an admin",
            ))
        }
    }
}

/// A name that anybody can use.
async fn by_name(state: &AppState, name: &Username) -> Result<Account, Rejection> {
    let accounts = &state.identity.accounts;
    let known = accounts.find(name.key()).await?;
    // Before anything of it is kept.
    if accounts.is_lookalike(name, known.as_ref()).await? {
        return Err(Refusal::NameProtected.into());
    }
    let account = accounts.welcome(name.clone(), false).await?;
    if account.is_protected() { Err(Refusal::NameProtected.into()) } else { Ok(account) }
}

/// Whether a password is that of an account. Takes the same work whatever is wrong, and counts
/// wrong ones for the name and the address, whether there is an account or not.
pub(super) async fn is_password(
    state: &AppState,
    address: IpAddr,
    key: &str,
    account: Option<&Account>,
    password: &Password,
) -> Result<bool, Rejection> {
    let guess = state.identity.guesses.take(key, address).await?;
    let hash = account.and_then(|account| account.password_hash.as_deref());
    let result = state.identity.passwords.verify(password, hash).await;
    let settled = match result {
        Ok(true) => guess.succeed().await,
        Ok(false) => Ok(()),
        Err(_) => guess.forget().await,
    };
    if let Err(error) = settled {
        tracing::warn!(user = key, %error, "a try counts that should not");
    }
    result
}

/// A token of the account's present epoch.
pub(super) fn issue(state: &AppState, account: &Account) -> Result<Issued, Rejection> {
    state.identity.tokens.issue(&account.user, account.epoch).map_err(|error| {
        tracing::error!(%error, "no token could be issued");
        Rejection::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "no token could be issued")
    })
}

/// A time in seconds since 1970, as clients see it.
pub(super) fn timestamp(seconds: u64) -> String {
    Timestamp::from_second(seconds as i64).unwrap_or(Timestamp::MAX).to_string()
}
