//! `/presence`: who is connected.

use std::collections::HashSet;

use actix_web::{HttpRequest, HttpResponse, web::Data};
use common::{internal::Identify, name};
use http_kit::{Query, Rejection, rejection::ProblemBody};
use serde::{Deserialize, Serialize};

use crate::{opening::resume::NotNow, state::AppState};

/// Names in a question.
const MAX_ASKED: usize = 500;

/// Names in an answer, when all are asked for.
const MAX_LISTED: usize = 1_000;

/// Whom a client asks about.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PresenceQuery {
    /// Names, at most 500, separated by commas; everyone without it.
    #[param(nullable = false)]
    users: Option<String>,
    /// Who asks, where identities are taken as given (`username` and `userId` mean the same).
    #[serde(alias = "username", alias = "userId")]
    #[param(nullable = false)]
    user: Option<String>,
    /// From `POST /tickets`. Good once.
    #[param(nullable = false)]
    ticket: Option<String>,
}

/// Who is connected.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Present {
    /// Their names, as first written; at most 1,000.
    online_users: Vec<String>,
    /// How many they are.
    online_count: usize,
}

/// See who is connected.
///
/// Users are told only of those with whom they share a direct conversation or a group. In open
/// mode a client that says nothing of itself is told of all.
#[utoipa::path(
    get, path = "/presence", tag = "streams",
    params(PresenceQuery),
    responses(
        (status = 200, description = "who is connected", body = Present),
        (status = 400, description = "a parameter is not acceptable", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "no credential, or not a good one", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "the page's origin is not allowed, or the name is not yours", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "not now: see Retry-After", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn list_present(
    request: HttpRequest,
    state: Data<AppState>,
    query: Query<PresenceQuery>,
) -> Result<HttpResponse, Rejection> {
    state.origins.check(&request)?;
    let asked = query.users.as_deref().map(parse).transpose()?;
    let (user, ticket) = (query.user.as_deref(), query.ticket.as_deref());
    let address = state.proxies.client_address(&request);
    // It leaves nothing behind.
    let question = state.identity.question(&request, None, user, ticket)?;
    let question = Identify { only_asks: true, ..question };
    let scope = state.identity.identify(question, address, false).await?.scope;
    let users = match (scope.user(), asked) {
        (Some(user), asked) => {
            let contacts = state.contacts(user).await?;
            let visible = |key: &String| key == user || contacts.contains(key);
            Some(match asked {
                Some(asked) => asked.into_iter().filter(visible).collect(),
                None => contacts.into_iter().collect(),
            })
        }
        (None, Some(asked)) => Some(asked),
        // A credential without a user is not nobody's, but its holder has no contacts.
        (None, None) if state.identity.is_open() => None,
        (None, None) => Some(Vec::new()),
    };
    Ok(HttpResponse::Ok().json(state.present(users)))
}

/// Reads a list of names, as keys, each once.
fn parse(users: &str) -> Result<Vec<String>, Rejection> {
    let mut seen = HashSet::new();
    let names = users.split(',').map(str::trim).filter(|name| !name.is_empty()).map(name::key);
    let keys: Vec<_> = names.take(MAX_ASKED + 1).filter(|key| seen.insert(key.clone())).collect();
    if keys.len() > MAX_ASKED {
        return Err(Rejection::bad_request(
            "too_many_users",
            "ask about at most 500 users at once",
        ));
    }
    Ok(keys)
}

impl AppState {
    /// The keys of those with whom a user shares a private conversation.
    async fn contacts(&self, user: &str) -> Result<HashSet<String>, Rejection> {
        match self.upstream.contacts(vec![user.to_owned()]).await {
            Ok(mut contacts) => Ok(contacts.remove(user).unwrap_or_default().into_iter().collect()),
            Err(error) => {
                if !error.is_outage() {
                    tracing::warn!(%error, "contacts are not given");
                }
                Err(NotNow::Upstream.into())
            }
        }
    }

    /// Of these users, given by key, those who are connected; of all, if none are given.
    fn present(&self, users: Option<Vec<String>>) -> Present {
        match users {
            Some(keys) => {
                let mut online_users = self.presence.names(&keys);
                let online_count = online_users.len();
                online_users.truncate(MAX_LISTED);
                Present { online_users, online_count }
            }
            None => {
                let (online_users, online_count) = self.presence.all(MAX_LISTED);
                Present { online_users, online_count }
            }
        }
    }
}
