//! Whose a stream is: asked of the message service, which alone knows tokens, tickets and names.

use std::{
    borrow::Cow,
    net::IpAddr,
    time::{Duration, Instant},
};

use actix_web::{
    HttpRequest,
    http::{
        StatusCode,
        header::{HeaderValue, WWW_AUTHENTICATE},
    },
};
use common::{
    EventId,
    event::PUBLIC_ROOM,
    internal::{Identified, Identify, MAX_ROOMS},
};
use http_kit::{
    AuthMode, Rejection, SessionCookies,
    address::Shares,
    bearer,
    turns::{Asker, Crowded, Turns},
};
use tokio::time::timeout;

use super::{
    enquiries::{self, Enquiries},
    resume::NotNow,
    unprotected::Unprotected,
};
use crate::{
    event::scope::{Scope, Session},
    log::upstream::UpstreamError,
};

/// How long a client waits for its turn to be asked about, and then for the answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why there is no scope for a client.
#[derive(Debug)]
pub enum Refusal {
    /// It is told no, and has to change something.
    Rejected(Rejection),
    /// It is told to come back.
    NotNow(NotNow),
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

/// For a request that is no stream.
impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Rejected(rejection) => rejection,
            Refusal::NotNow(not_now) => not_now.into(),
        }
    }
}

/// Who has come.
#[derive(Clone, Debug)]
pub struct Comer {
    /// Whose the stream is, and what it watches.
    pub scope: Scope,
    /// Up to here, nothing waits for them that has not been delivered; without it, that is not known.
    pub received: Option<EventId>,
}

impl From<Scope> for Comer {
    fn from(scope: Scope) -> Self {
        Self { scope, received: None }
    }
}

/// Asks who clients are.
pub struct Identity {
    mode: AuthMode,
    cookies: SessionCookies,
    enquiries: Enquiries,
    /// When everyone returns at once, some wait.
    turns: Turns,
    unprotected: Unprotected,
}

impl Identity {
    /// Asks the message service, as far as `mode` leaves anything to ask.
    pub fn new(
        mode: AuthMode,
        cookies: SessionCookies,
        enquiries: Enquiries,
        shares: Shares,
    ) -> Self {
        Self {
            mode,
            cookies,
            enquiries,
            turns: Turns::new(enquiries::MOST, shares),
            unprotected: Unprotected::default(),
        }
    }

    /// Whether a client may be nobody.
    pub fn is_open(&self) -> bool {
        self.mode == AuthMode::Open
    }

    /// What is asked about a request: whose the stream is and what it watches.
    ///
    /// `rooms` are separated by commas; `username` and `ticket` are from the query or a first frame.
    pub fn question(
        &self,
        request: &HttpRequest,
        rooms: Option<&str>,
        username: Option<&str>,
        ticket: Option<&str>,
    ) -> Result<Identify, Rejection> {
        let given = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
        let ticket = given(ticket);
        // What a client names in its request counts before what a browser adds by itself.
        let by_cookie = || self.cookies.token(request).filter(|_| ticket.is_none());
        let token = bearer(request).or_else(by_cookie).map(str::to_owned);
        let ticket = ticket.filter(|_| token.is_none());
        let (username, rooms) = (given(username), parse(rooms)?);
        Ok(Identify { token, ticket, username, rooms, only_asks: false })
    }

    /// Refuses a program that shows nothing and speaks in the name of somebody who has to show
    /// that it is theirs.
    pub async fn check_name(&self, name: &str, address: IpAddr) -> Result<(), Refusal> {
        let asked = Instant::now();
        if self.unprotected.holds(name, asked) {
            return Ok(());
        }
        let by_name = Identify {
            username: Some(name.to_owned()),
            rooms: vec![PUBLIC_ROOM.to_owned()],
            only_asks: true,
            ..Identify::default()
        };
        self.identify(by_name, address, false).await?;
        self.unprotected.note(name, asked);
        Ok(())
    }

    /// Whose a stream is that says this of itself.
    ///
    /// A client without a credential and a name that watches just the public room is nobody, where
    /// that is allowed, and nobody is asked.
    pub async fn identify(
        &self,
        asked: Identify,
        address: IpAddr,
        acknowledges: bool,
    ) -> Result<Comer, Refusal> {
        if asked.token.is_none() && asked.ticket.is_none() {
            if !self.is_open() {
                return Err(token_missing().into());
            }
            if asked.username.is_none() && is_default(&asked.rooms) {
                return Ok(Scope::public().into());
            }
        }
        let busy = Refusal::NotNow(NotNow::Upstream);
        // Nobody knows yet who it is: the users of an address have one turn.
        let turn = self.turns.take(&Asker { address, user: None }, PATIENCE).await;
        let turn = turn.map_err(|Crowded| Refusal::NotNow(NotNow::Crowded))?;
        let Ok(answer) = timeout(PATIENCE, self.enquiries.ask(asked, turn)).await else {
            return Err(busy);
        };
        match answer {
            Ok(Identified { user: None, rooms, .. }) if is_default(&rooms) => {
                Ok(Scope::public().into())
            }
            Ok(Identified { user, authenticated, expires_at, epoch, rooms, received }) => {
                let session = user.map(|user| Session {
                    user,
                    authenticated,
                    expires_at,
                    epoch,
                    acknowledges,
                });
                Ok(Comer { scope: Scope::new(rooms, session), received })
            }
            Err(UpstreamError::Refused(problem)) => {
                let status = StatusCode::from_u16(problem.status);
                let status = status.unwrap_or(StatusCode::UNAUTHORIZED);
                Err(refusal(status, problem.code, problem.detail).into())
            }
            Err(error) => {
                tracing::debug!(%error, "a client cannot be identified now");
                Err(busy)
            }
        }
    }
}

/// Reads a list of rooms. What cannot be the name of one is not asked about.
fn parse(rooms: Option<&str>) -> Result<Vec<String>, Rejection> {
    let mut parsed = Vec::new();
    for room in rooms.unwrap_or(PUBLIC_ROOM).split(',').map(str::trim) {
        if !is_slug(room) {
            return Err(Rejection::not_found(
                "conversation_not_found",
                "there is no such room: try rooms=public",
            ));
        }
        if !parsed.iter().any(|known| known == room) {
            parsed.push(room.to_owned());
        }
        if parsed.len() > MAX_ROOMS {
            return Err(Rejection::bad_request(
                "too_many_rooms",
                "a stream watches at most 50 rooms: open another one for the rest",
            ));
        }
    }
    Ok(parsed)
}

fn is_slug(room: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=64).contains(&room.len()) && room.bytes().all(plain) && !room.starts_with('-')
}

fn is_default(rooms: &[String]) -> bool {
    matches!(rooms, [room] if room == PUBLIC_ROOM)
}

/// A refusal; one for want of a credential says which kind is wanted.
fn refusal(
    status: StatusCode,
    code: impl Into<Cow<'static, str>>,
    detail: impl Into<Cow<'static, str>>,
) -> Rejection {
    let rejection = Rejection::new(status, code, detail);
    if status == StatusCode::UNAUTHORIZED {
        return rejection.with_header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    rejection
}

fn token_missing() -> Rejection {
    refusal(
        StatusCode::UNAUTHORIZED,
        "token_missing",
        "sign in: send a token as Authorization: Bearer, the session cookie, or a ticket",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_rooms_is_read_once_each() {
        assert_eq!(parse(None).unwrap(), ["public"]);
        assert_eq!(parse(Some("b, public,b")).unwrap(), ["b", "public"]);
        for wrong in ["", "public,", "Public", "dm:a:b", "-a", "a b", &"x".repeat(65)] {
            assert_eq!(parse(Some(wrong)).unwrap_err().code(), "conversation_not_found", "{wrong}");
        }
        let rooms = |count: usize| (0..count).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
        assert_eq!(parse(Some(&rooms(50))).unwrap().len(), 50);
        assert_eq!(parse(Some(&rooms(51))).unwrap_err().code(), "too_many_rooms");
    }
}
