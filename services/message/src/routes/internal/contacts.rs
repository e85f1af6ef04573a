//! `POST /internal/contacts`: who may know of whose presence. Signed.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use common::internal::{ContactsOf, MAX_ASKED};
use http_kit::Rejection;

use super::read;
use crate::state::AppState;

/// The most contacts of one user; of who has more, some are left out.
const MAX_CONTACTS: u32 = 2_000;

/// Answers with an object of lists of keys, one for each user asked for.
pub async fn list_contacts(
    request: HttpRequest,
    payload: Payload,
    state: Data<AppState>,
) -> Result<HttpResponse, Rejection> {
    let ContactsOf { users } = read(&request, payload, &state).await?;
    if users.len() > MAX_ASKED {
        return Err(Rejection::field("users", "users_too_many", "ask for at most 500 at once"));
    }
    Ok(HttpResponse::Ok().json(state.store.contacts(&users, MAX_CONTACTS).await?))
}
