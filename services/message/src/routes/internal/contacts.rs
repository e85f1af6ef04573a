//! `POST /internal/contacts`: who may know of whose presence. Signed.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use common::internal::ContactsOf;
use http_kit::{Rejection, body};

use crate::routes::AppState;

/// The most users in one question.
const MAX_USERS: usize = 500;

/// The most contacts of one user; of who has more, some are left out.
const MAX_CONTACTS: u32 = 2_000;

/// Answers with an object of lists of keys, one for each user asked for.
pub async fn list_contacts(
    request: HttpRequest,
    payload: Payload,
    state: Data<AppState>,
) -> Result<HttpResponse, Rejection> {
    let body = body::read(&request, &mut payload.into_inner()).await?;
    state.hop.check(&request, &body)?;
    let ContactsOf { users } = body::parse(&body)?;
    if users.len() > MAX_USERS {
        return Err(Rejection::field("users", "users_too_many", "ask for at most 500 at once"));
    }
    Ok(HttpResponse::Ok().json(state.store.contacts(&users, MAX_CONTACTS).await?))
}
