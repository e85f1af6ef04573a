//! `/tickets`: opening a stream where no header can be set.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::CACHE_CONTROL,
    web::{self, Data},
};
use http_kit::{OptionalJsonBody, Query, Rejection, rejection::ProblemBody, request::resource};
use serde::Serialize;
use utoipa::ToSchema;

use super::sessions::timestamp;
use crate::{
    identity::{
        caller::{Caller, Claim, user_missing},
        credential::Shown,
        ticket::{Grant, LIFETIME},
        token,
    },
    state::AppState,
};

pub(super) fn configure(config: &mut web::ServiceConfig) {
    config.service(resource("/tickets", "POST").route(web::post().to(post_ticket)));
}

/// A ticket.
#[derive(Serialize, ToSchema)]
pub struct Ticket {
    /// To be sent as `?ticket=`, once.
    ticket: String,
    /// Until when.
    #[schema(example = "2024-01-01T12:00:30Z")]
    expires_at: String,
}

/// Get a ticket, which opens one stream within 30 s. For browsers, whose `EventSource` and
/// `WebSocket` cannot send a token to another origin.
#[utoipa::path(
    post, path = "/tickets", tag = "sessions", params(Claim),
    request_body(content = Option<Claim>, description = "who, in open mode; can be left out"),
    responses(
        (status = 201, description = "a ticket", body = Ticket),
        (status = 401, description = "say who you are", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "too many tickets are out: try again", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "not now: try again", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn post_ticket(
    request: HttpRequest,
    state: Data<AppState>,
    query: Query<Claim>,
    OptionalJsonBody(body): OptionalJsonBody<Claim>,
) -> Result<HttpResponse, Rejection> {
    // A page asks for one with each stream, and a message costs more.
    let claimed = body.user.as_deref().or(query.user.as_deref());
    let grant = match Shown::by(&state.identity, &request).await? {
        Some(shown) => {
            shown.check_claim(claimed)?;
            let user = shown.user.ok_or_else(user_missing)?;
            Grant { user, shown: true, epoch: shown.epoch, expires_at: shown.expires_at }
        }
        None => {
            let (caller, epoch) = Caller::said(&state.identity, claimed).await?;
            let user = caller.user.ok_or_else(user_missing)?;
            Grant { user, shown: false, epoch, expires_at: None }
        }
    };
    let address = state.identity.proxies.client_address(&request);
    let ticket = state.identity.tickets.issue(&grant, address).await?;
    let expires_at = timestamp(token::now() + LIFETIME.as_secs());
    Ok(HttpResponse::Created()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(Ticket { ticket, expires_at }))
}
