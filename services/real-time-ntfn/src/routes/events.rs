//! `/events`: the stream of server-sent events.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use common::{EventId, internal::MAX_HISTORY};
use http_kit::{Query, Rejection, rejection::ProblemBody};
use serde::Deserialize;
use uuid::Uuid;

use super::begin::{Wanted, open};
use crate::{
    engine::{self, EVENT_STREAM, NO_STORE},
    event::wire::Wire,
    opening::{identity::Identity, resume::Cursor},
    state::AppState,
};

/// What a stream asks for. Without `Debug`: a ticket must not get into a log.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// A name for the connection, for logs; 1–64 letters, digits and `-_.`.
    #[param(nullable = false)]
    client_id: Option<String>,
    /// Public rooms, at most 50, separated by commas; `public` without it.
    #[param(nullable = false)]
    rooms: Option<String>,
    /// How many of the last messages to send first, 0–200, if there is no cursor.
    #[param(minimum = 0, maximum = 200, nullable = false)]
    history: Option<u32>,
    /// Where to begin: the cursor of a list, or the last event that the client has. The header
    /// `Last-Event-ID` wins; that, or `lastEventId`, says that everything up to it was delivered.
    #[param(nullable = false)]
    last_event_id: Option<String>,
    /// The header by the name that libraries without headers give it, and with its meaning.
    #[serde(rename = "lastEventId", alias = "Last-Event-ID", alias = "last-event-id")]
    #[param(rename = "lastEventId", nullable = false)]
    returns_after: Option<String>,
    /// Whose private messages to send too, where identities are taken as given (`username` and
    /// `userId` mean the same). With a credential it is not needed.
    #[serde(alias = "username", alias = "userId")]
    #[param(nullable = false)]
    user: Option<String>,
    /// From `POST /tickets`, for clients that can send neither a header nor a cookie. Good once.
    #[param(nullable = false)]
    ticket: Option<String>,
    /// Whether the client says itself what was delivered to it, with `POST /receipts`; else that
    /// counts which was written before two heartbeats, and its system has acknowledged.
    #[param(nullable = false)]
    acks: Option<bool>,
}

/// Follow the conversation.
///
/// The public rooms named, and for a user all that is addressed to them. Who that is says a token
/// (`Authorization: Bearer`), the session cookie or a ticket; in open mode a name does. A user who
/// comes without `Last-Event-ID` first gets what has not been delivered.
///
/// Messages are default events, all else is named. What has an `id` is in the log, or says where the
/// stream stands (`ready`, `cursor`, `reset`): `Last-Event-ID` continues after it; `typing`, `presence` and `receipt` are passing facts
/// without one. After `reset`, load anew; after `reauth`, sign in again.
#[utoipa::path(
    get, path = "/events", tag = "streams",
    params(
        EventsQuery,
        ("Last-Event-ID" = Option<String>, Header, description = "the last event the client has"),
    ),
    responses(
        (status = 200, description = "server-sent events", content_type = "text/event-stream", body = String),
        (status = 400, description = "a parameter is not acceptable", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "no credential, or not a good one: sign in again", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "the page's origin is not allowed, or the name is not yours", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "no such room", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "too many streams from this address", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "not now: see Retry-After", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn stream_events(
    request: HttpRequest,
    state: Data<AppState>,
    query: Query<EventsQuery>,
) -> Result<HttpResponse, Rejection> {
    state.origins.check(&request)?;
    let wanted = query.into_inner().parse(&request, &state.identity, Wire::Sse, 0)?;
    Ok(engine::respond(open(&request, state, wanted)))
}

/// What a stream looks like, for who only wants to know whether this service has any: whose it would
/// be is not asked, and nothing begins.
pub async fn describe_stream(
    request: HttpRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, Rejection> {
    state.origins.check(&request)?;
    Ok(HttpResponse::Ok().insert_header(EVENT_STREAM).insert_header(NO_STORE).finish())
}

impl EventsQuery {
    /// What is asked for, written as `wire`; `history` is what comes first if the client does not say.
    pub(super) fn parse(
        self,
        request: &HttpRequest,
        identity: &Identity,
        wire: Wire,
        history: u32,
    ) -> Result<Wanted, Rejection> {
        let history = self.history.unwrap_or(history);
        if history > MAX_HISTORY {
            return Err(Rejection::bad_request(
                "invalid_history",
                "history is a number from 0 to 200",
            ));
        }
        let header = request.headers().get("last-event-id").map(|id| id.to_str().unwrap_or("?"));
        // The header is from a client that was on a stream; the query may be the cursor of a list,
        // which says nothing of what has been delivered elsewhere.
        let given = |id: &&str| !id.is_empty();
        let returns_after =
            header.filter(given).or_else(|| self.returns_after.as_deref().filter(given));
        let (id, kind): (_, fn(EventId) -> Cursor) = match returns_after {
            Some(id) => (Some(id), Cursor::At),
            None => (self.last_event_id.as_deref().filter(given), Cursor::From),
        };
        let (rooms, user) = (self.rooms.as_deref(), self.user.as_deref());
        Ok(Wanted {
            cursor: id.map_or(Cursor::None, |id| id.parse().map_or(Cursor::Unreadable, kind)),
            history,
            client_id: client_id(self.client_id)?,
            question: identity.question(request, rooms, user, self.ticket.as_deref())?,
            acknowledges: self.acks.unwrap_or(false),
            wire,
        })
    }
}

fn client_id(given: Option<String>) -> Result<String, Rejection> {
    let Some(id) = given.filter(|id| !id.is_empty()) else {
        return Ok(Uuid::new_v4().simple().to_string());
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if id.len() <= 64 && id.bytes().all(plain) {
        return Ok(id);
    }
    Err(Rejection::bad_request(
        "invalid_client_id",
        "client_id has 1 to 64 letters, digits and -_.",
    ))
}
