//! `/internal/identify`: who is behind streams. Signed.
//!
//! Those who come at the same time are looked up together: what they show is checked first, then one
//! read says all that is known of them, and then each is judged for themselves.

use std::{collections::BTreeSet, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Payload},
};
use common::{
    EventId,
    internal::{
        Identified, IdentifiedBatch, Identify, IdentifyAnswer, IdentifyBatch, MAX_IDENTIFIED,
    },
};
use futures_util::future::join_all;
use http_kit::Rejection;
use tokio::time::timeout;

use super::read;
use crate::{
    chat::{change::Refusal, user::Account, username::Username},
    identity::{
        credential::{Presented, Shown, token_invalid, token_missing},
        ticket::{Grant, Grants},
        token,
    },
    state::AppState,
    store::Arrivals,
};

/// Answers with an [`IdentifiedBatch`]. A ticket decides before a token, which may be a cookie that
/// the browser sent by itself.
pub async fn identify(
    request: HttpRequest,
    payload: Payload,
    state: Data<AppState>,
) -> Result<HttpResponse, Rejection> {
    let IdentifyBatch { clients } = read(&request, payload, &state).await?;
    if clients.len() > MAX_IDENTIFIED {
        let detail = format!("at most {MAX_IDENTIFIED} at once");
        return Err(Rejection::field("clients", "batch_invalid", detail));
    }
    let tickets: Vec<_> = clients.iter().filter_map(|client| client.ticket.as_deref()).collect();
    let grants = state.identity.tickets.look_at(&tickets).await?;
    let mut comers = Vec::with_capacity(clients.len());
    for client in clients {
        comers.push(Comer::read(&state, client, &grants));
        // Signatures take a while, and others are served by this thread.
        tokio::task::yield_now().await;
    }
    let known = comers.iter().flatten();
    let names: Vec<_> = known.clone().filter_map(Comer::name).collect();
    let rooms: BTreeSet<_> = known.flat_map(|comer| &comer.rooms).map(String::as_str).collect();
    // Before the read: what is said from now on is on the stream that begins here.
    let head = state.cursor().await?;
    let known = state.store.arrivals(&names, &rooms).await?;
    let answers = comers.into_iter().map(async |comer| {
        let comer = comer?;
        let ticket = comer.ticket();
        let identified = comer.identify(&state, &known, head);
        // One that has to be written down waits for the writer, and all others for that one.
        let identified =
            timeout(PATIENCE, identified).await.unwrap_or_else(|_| Err(not_in_time()))?;
        Ok((identified, ticket))
    });
    let answers = join_all(answers).await;
    // Used now, when nothing can fail any more: each by one of those who try at once.
    let tickets: Vec<_> =
        answers.iter().flatten().filter_map(|(_, ticket)| ticket.as_deref()).collect();
    let mut used = state.identity.tickets.redeem(&tickets).await?;
    let answer = |result: Result<(Identified, Option<String>), Rejection>| match result {
        Ok((_, Some(ticket))) if !used.remove(&ticket) => refused(&ticket_invalid()),
        Ok((identified, _)) => IdentifyAnswer::Identified(identified),
        Err(rejection) => refused(&rejection),
    };
    let clients = answers.into_iter().map(answer).collect();
    Ok(HttpResponse::Ok().json(IdentifiedBatch { clients }))
}

fn refused(rejection: &Rejection) -> IdentifyAnswer {
    IdentifyAnswer::Refused(Rejection::problem(rejection))
}

/// How long it may take to find out about one of them.
const PATIENCE: Duration = Duration::from_secs(1);

/// Someone who comes, with what they show.
struct Comer {
    shows: Shows,
    /// What they call themselves.
    claims: Option<String>,
    rooms: Vec<String>,
    only_asks: bool,
}

enum Shows {
    /// What it says as long as nobody else uses it.
    Ticket(String, Grant, Username),
    Token(Presented),
    /// A name, or nothing at all.
    Name(Option<Username>),
}

impl Comer {
    fn read(state: &AppState, asked: Identify, grants: &Grants) -> Result<Self, Rejection> {
        let Identify { token, ticket, username: claims, rooms, only_asks } = asked;
        let identity = &state.identity;
        let shows = match (ticket, token) {
            (Some(ticket), _) => {
                let grant = grants.of(&ticket).ok_or_else(ticket_invalid)?.clone();
                let name = Username::parse(&grant.user.name)?;
                Shows::Ticket(ticket, grant, name)
            }
            (None, Some(token)) => {
                Shows::Token(Presented::read(identity, &token).ok_or_else(token_invalid)?)
            }
            (None, None) if !identity.is_open() => return Err(token_missing()),
            (None, None) => Shows::Name(claims.as_deref().map(Username::parse).transpose()?),
        };
        Ok(Self { shows, claims, rooms, only_asks })
    }

    fn ticket(&self) -> Option<String> {
        match &self.shows {
            Shows::Ticket(ticket, ..) => Some(ticket.clone()),
            Shows::Token(_) | Shows::Name(_) => None,
        }
    }

    fn name(&self) -> Option<&Username> {
        match &self.shows {
            Shows::Ticket(_, _, name) => Some(name),
            Shows::Token(presented) => presented.name(),
            Shows::Name(name) => name.as_ref(),
        }
    }

    async fn identify(
        self,
        state: &AppState,
        known: &Arrivals,
        head: EventId,
    ) -> Result<Identified, Rejection> {
        let key = self.name().map(Username::key);
        let account = key.and_then(|key| known.accounts.get(key)).cloned();
        let is_protected = account.as_ref().is_some_and(Account::is_protected);
        let is_lookalike = key.is_some_and(|key| known.lookalikes.contains(key)) && !is_protected;
        // Nothing can wait for somebody who was not known when the read began.
        let received = key.filter(|key| !known.awaited.contains(*key)).map(|_| head);
        let claims = self.claims.as_deref();
        let mut identified = match self.shows {
            // A name alone was good for it, and is not any more.
            Shows::Ticket(..) if is_lookalike => return Err(ticket_invalid()),
            Shows::Ticket(_, grant, name) => by_ticket(state, grant, name, account, claims).await?,
            Shows::Name(_) if is_lookalike => return Err(Refusal::NameProtected.into()),
            Shows::Token(presented) => {
                let shown = Shown::by_presented(&state.identity, presented, account).await?;
                let shown = shown.ok_or_else(token_invalid)?;
                shown.check_claim(claims)?;
                identified(shown, true)
            }
            Shows::Name(name) => by_name(state, name, account, self.only_asks).await?,
        };
        if !self.rooms.iter().all(|room| known.rooms.contains(room)) {
            return Err(Refusal::NoConversation.into());
        }
        (identified.rooms, identified.received) = (self.rooms, received);
        Ok(identified)
    }
}

async fn by_ticket(
    state: &AppState,
    grant: Grant,
    name: Username,
    account: Option<Account>,
    claims: Option<&str>,
) -> Result<Identified, Rejection> {
    let Grant { shown: authenticated, epoch, expires_at, .. } = grant;
    let account = match account {
        Some(account) => account,
        None => state.identity.accounts.welcome(name, false).await?,
    };
    // What has happened since the ticket was issued counts.
    let ended = expires_at.is_some_and(|end| end <= token::now());
    if ended || account.deactivated || account.epoch != epoch {
        return Err(ticket_invalid());
    }
    let shown = Shown { user: Some(account.user), admin: false, epoch, expires_at };
    shown.check_claim(claims)?;
    Ok(identified(shown, authenticated))
}

/// As they say. They can be addressed from now on, unless they only ask: a question changes nothing.
async fn by_name(
    state: &AppState,
    name: Option<Username>,
    account: Option<Account>,
    only_asks: bool,
) -> Result<Identified, Rejection> {
    let (user, epoch) = match (name, account) {
        (None, _) => (None, 0),
        (Some(name), None) if only_asks => (Some(name.to_ref()), 0),
        (Some(name), account) => {
            let account = match account {
                Some(account) => account,
                None => state.identity.accounts.welcome(name, false).await?,
            };
            if account.is_protected() {
                return Err(Refusal::NameProtected.into());
            }
            (Some(account.user), account.epoch)
        }
    };
    Ok(identified(Shown { user, admin: false, epoch, expires_at: None }, false))
}

fn identified(shown: Shown, authenticated: bool) -> Identified {
    let Shown { user, epoch, expires_at, .. } = shown;
    Identified { user, authenticated, expires_at, epoch, rooms: Vec::new(), received: None }
}

fn not_in_time() -> Rejection {
    Rejection::unavailable("overloaded", "it takes too long to find out who you are", 1)
}

fn ticket_invalid() -> Rejection {
    Rejection::new(
        StatusCode::UNAUTHORIZED,
        "ticket_invalid",
        "this ticket has been used, or has ended: get another one from POST /tickets",
    )
}
