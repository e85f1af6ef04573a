//! `/internal/identify`: who is behind a stream. Signed.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Payload},
};
use common::internal::{Identified, Identify};
use http_kit::Rejection;

use super::read;
use crate::{
    chat::{change::Refusal, username::Username},
    identity::{
        credential::{Shown, token_invalid, token_missing},
        ticket::Grant,
        token,
    },
    state::AppState,
};

/// Answers with [`Identified`]. A ticket decides before a token, which may be a cookie that the
/// browser sent by itself.
pub async fn identify(
    request: HttpRequest,
    payload: Payload,
    state: Data<AppState>,
) -> Result<HttpResponse, Rejection> {
    let Identify { token, ticket, username, rooms, only_asks } =
        read(&request, payload, &state).await?;
    let mut identified = match (ticket, token) {
        (Some(ticket), _) => by_ticket(&state, &ticket, username.as_deref()).await?,
        (None, Some(token)) => by_token(&state, &token, username.as_deref()).await?,
        (None, None) if !state.identity.is_open() => return Err(token_missing()),
        (None, None) => by_name(&state, username.as_deref(), only_asks).await?,
    };
    if !state.store.are_rooms(&rooms).await? {
        return Err(Refusal::NoConversation.into());
    }
    identified.rooms = rooms;
    Ok(HttpResponse::Ok().json(identified))
}

async fn by_token(
    state: &AppState,
    token: &str,
    claimed: Option<&str>,
) -> Result<Identified, Rejection> {
    let shown = Shown::by_token(&state.identity, token).await?.ok_or_else(token_invalid)?;
    shown.check_claim(claimed)?;
    let Shown { user, epoch, expires_at, .. } = shown;
    Ok(Identified { user, authenticated: true, expires_at, epoch, rooms: Vec::new() })
}

async fn by_ticket(
    state: &AppState,
    ticket: &str,
    claimed: Option<&str>,
) -> Result<Identified, Rejection> {
    let Grant { user, shown: authenticated, epoch, expires_at } =
        state.identity.tickets.redeem(ticket).ok_or_else(ticket_invalid)?;
    let account = match state.store.account(&user.key).await? {
        Some(account) => account,
        None => state.identity.accounts.welcome(Username::parse(&user.name)?, false).await?,
    };
    // What has happened since the ticket was issued counts.
    let ended = expires_at.is_some_and(|end| end <= token::now());
    if ended || account.deactivated || account.epoch != epoch {
        return Err(ticket_invalid());
    }
    let shown = Shown { user: Some(account.user), admin: false, epoch, expires_at };
    shown.check_claim(claimed)?;
    let user = shown.user;
    Ok(Identified { user, authenticated, expires_at, epoch, rooms: Vec::new() })
}

/// As they say. They can be addressed from now on, unless they only ask: a question changes nothing.
async fn by_name(
    state: &AppState,
    claimed: Option<&str>,
    only_asks: bool,
) -> Result<Identified, Rejection> {
    let mut identified = Identified {
        user: None,
        authenticated: false,
        expires_at: None,
        epoch: 0,
        rooms: Vec::new(),
    };
    let Some(claimed) = claimed else {
        return Ok(identified);
    };
    let name = Username::parse(claimed)?;
    let account = match state.store.account(name.key()).await? {
        Some(account) => account,
        None if only_asks => {
            identified.user = Some(name.to_ref());
            return Ok(identified);
        }
        None => state.identity.accounts.welcome(name, false).await?,
    };
    if account.is_protected() {
        return Err(Refusal::NameProtected.into());
    }
    identified.epoch = account.epoch;
    identified.user = Some(account.user);
    Ok(identified)
}

fn ticket_invalid() -> Rejection {
    Rejection::new(
        StatusCode::UNAUTHORIZED,
        "ticket_invalid",
        "this ticket has been used, or has ended: get another one from POST /tickets",
    )
}
