//! `/users`: registering, and finding people.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{LINK, LOCATION},
    web::{self, Data, Path},
};
use http_kit::{
    JsonBody, Query, Rejection,
    rejection::ProblemBody,
    request::{get, resource},
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    chat::{
        change::{Change, Refusal},
        user::{Account, Managed, User, parse_display_name},
        username::{Username, fold},
    },
    error::forbidden,
    identity::{
        caller::{Caller, Claim},
        password::Password,
    },
    routes::{
        link,
        page::{HAS_MORE, parse_limit},
    },
    state::AppState,
};

const DEFAULT_LIMIT: u32 = 20;

pub(super) fn configure(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/users", "GET, HEAD, POST")
                .route(web::post().to(post_user))
                .route(get().to(list_users)),
        )
        .service(
            resource("/users/{user}", "GET, HEAD, PATCH")
                .route(web::patch().to(patch_user))
                .route(get().to(get_user)),
        );
}

/// The body of `POST /users`.
#[derive(Debug, Deserialize, ToSchema)]
pub struct RawUser {
    /// The name by which messages, members and mentions know them: 1–64 printable characters with
    /// single spaces between them, none of `: , / \ @`; spaces around it do not count. Also read from
    /// `user`.
    #[serde(alias = "user", alias = "sender", alias = "senderId")]
    #[schema(min_length = 1, example = "alice")]
    username: String,
    /// Protects the name. In open mode it can be left out, and then the name stays anybody's.
    #[schema(value_type = Option<String>, min_length = 8, max_length = 256)]
    password: Option<Password>,
    /// What they want to be called: 1–64 characters; spaces around them do not count. The username
    /// without it.
    #[schema(min_length = 1, example = "Alice")]
    display_name: Option<String>,
}

/// Register. Then sign in with `POST /sessions`.
#[utoipa::path(
    post, path = "/users", tag = "users", request_body = RawUser,
    responses(
        (status = 201, description = "registered", body = User),
        (status = 403, description = "an outside issuer keeps the accounts", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "the name is taken, or looks like a protected one", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "a field is not acceptable", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "too many: see Retry-After", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "not now: try again", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn post_user(
    request: HttpRequest,
    state: Data<AppState>,
    JsonBody(raw): JsonBody<RawUser>,
) -> Result<HttpResponse, Rejection> {
    let address = state.identity.proxies.client_address(&request);
    state.identity.sign_in_rate.take(address)?;
    state.identity.require_own()?;
    let name = Username::parse_field("username", &raw.username)?;
    let display_name = match &raw.display_name {
        Some(display_name) => parse_display_name(display_name)?,
        None => name.as_str().to_owned(),
    };
    let open = state.identity.is_open();
    let password_hash = match &raw.password {
        Some(password) => {
            password.check()?;
            Some(state.identity.passwords.hash(password).await?)
        }
        None if open => None,
        None => return Err(password_missing()),
    };
    let protected = password_hash.is_some();
    let change = Change::Register { name, display_name, password_hash, takes_over_guest: open };
    let account = state.identity.accounts.change(change).await?;
    tracing::info!(user = account.user.name, protected, %address, "registered");
    let location = format!("/users/{}", percent_encoded(&account.user.name));
    Ok(HttpResponse::Created().insert_header((LOCATION, location)).json(account.profile()))
}

/// Whom to find.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FindQuery {
    /// A part of the name or of the display name; everybody without it.
    #[param(nullable = false)]
    q: Option<String>,
    /// How many, 1–200; 20 without it.
    #[param(minimum = 1, maximum = 200, nullable = false)]
    limit: Option<u32>,
    /// Only those that follow this name, as `Link` has it.
    #[param(nullable = false)]
    after: Option<String>,
}

/// Find people by a part of their name. Those whose name begins with it come first.
#[utoipa::path(
    get, path = "/users", tag = "users", params(FindQuery, Claim),
    responses(
        (status = 200, description = "people", body = [User], headers(
            ("X-Has-More" = bool, description = "there are more"),
            ("Link" = String, description = "rel=next: those that follow"),
        )),
        (status = 400, description = "a parameter is not acceptable", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "sign in", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn list_users(
    request: HttpRequest,
    state: Data<AppState>,
    query: Query<FindQuery>,
    claim: Query<Claim>,
) -> Result<HttpResponse, Rejection> {
    let caller = Caller::of(&state.identity, &request, claim.user.as_deref()).await?;
    let limit = parse_limit(query.limit, DEFAULT_LIMIT)?;
    let q = query.q.as_deref().unwrap_or_default().trim();
    let after = query.after.as_deref().map(|name| Username::parse_field("after", name));
    let after = after.transpose()?;
    let after = after.as_ref().map(Username::key);
    // One more than asked for tells whether there are more.
    let mut found = state.store.find_users(&fold(q), after, limit + 1).await?;
    let has_more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let mut response = HttpResponse::Ok();
    response.insert_header((HAS_MORE, has_more.to_string()));
    if let (true, Some(last)) = (has_more, found.last()) {
        let (q, claim) = (link::encode(q), link::claim(&caller));
        let after = link::encode(&last.user.name);
        let target = format!("</users?q={q}&{claim}after={after}&limit={limit}>; rel=\"next\"");
        response.insert_header((LINK, target));
    }
    Ok(response.json(found.iter().map(Account::profile).collect::<Vec<_>>()))
}

/// Read one profile.
#[utoipa::path(
    get, path = "/users/{user}", tag = "users",
    params(("user" = String, Path, description = "the username", example = "alice"), Claim),
    responses(
        (status = 200, description = "the profile", body = User),
        (status = 401, description = "sign in", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "no such user", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn get_user(
    request: HttpRequest,
    state: Data<AppState>,
    user: Path<String>,
    claim: Query<Claim>,
) -> Result<HttpResponse, Rejection> {
    Caller::of(&state.identity, &request, claim.user.as_deref()).await?;
    let name = Username::parse(&user).map_err(|_| Refusal::NoUser)?;
    let account = state.store.account(name.key()).await?.ok_or(Refusal::NoUser)?;
    Ok(HttpResponse::Ok().json(account.profile()))
}

/// The body of `PATCH /users/{user}`.
#[derive(Debug, Deserialize, ToSchema)]
pub struct RawManaged {
    /// Whether they may do what admins may.
    admin: Option<bool>,
    /// Whether the name can no longer be used. Ends all sessions.
    deactivated: Option<bool>,
}

/// Change what an account may do. For admins.
#[utoipa::path(
    patch, path = "/users/{user}", tag = "users", request_body = RawManaged,
    params(("user" = String, Path, description = "the username", example = "alice")),
    responses(
        (status = 200, description = "the account as it is now", body = Managed),
        (status = 401, description = "sign in", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "not for you", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "no such user", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "a field is not acceptable", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn patch_user(
    request: HttpRequest,
    state: Data<AppState>,
    user: Path<String>,
    claim: Query<Claim>,
    JsonBody(raw): JsonBody<RawManaged>,
) -> Result<HttpResponse, Rejection> {
    let caller = Caller::of(&state.identity, &request, claim.user.as_deref()).await?;
    if !caller.admin {
        return Err(forbidden("only admins change what an account may do"));
    }
    let name = Username::parse(&user).map_err(|_| Refusal::NoUser)?;
    let before = state.store.account(name.key()).await?.ok_or(Refusal::NoUser)?;
    if raw.admin == Some(true) && state.identity.tokens.are_own() && before.password_hash.is_none()
    {
        return Err(Rejection::field(
            "admin",
            "admin_without_password",
            "anybody can use a name without a password: have them set one first",
        ));
    }
    let change =
        Change::UpdateAccount { user: name, admin: raw.admin, deactivated: raw.deactivated };
    let account = state.identity.accounts.change(change).await?;
    tracing::info!(
        user = account.user.name,
        by = caller.user.as_ref().map_or("the operator", |user| &user.name),
        admin = account.admin,
        deactivated = account.deactivated,
        "changed an account"
    );
    Ok(HttpResponse::Ok().json(account.managed()))
}

/// A password was left out where it is needed.
pub(crate) fn password_missing() -> Rejection {
    Rejection::field("password", "password_missing", "a password is needed here")
}

/// A name as a part of a path.
fn percent_encoded(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let encoded = |byte: u8| format!("%{byte:02X}");
    name.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { encoded(byte) })
        .collect()
}
