//! `/events`: the stream of server-sent events.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{ACCEPT, HeaderValue, RETRY_AFTER},
    web::Data,
};
use common::{EventId, internal::MAX_HISTORY};
use http_kit::{Query, Rejection, rejection::ProblemBody};
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    engine::{self, EVENT_STREAM, NO_STORE, NewStream},
    event::{frame, wire::Wire},
    opening::{
        admission::{Permit, Refusal},
        busy::Busy,
        identity::{self, Comer, Purpose},
        resume::{Cursor, Request, Start},
    },
    people::presence::TooMany,
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
    let wanted = query.into_inner().parse(&request, Wire::Sse, 0)?;
    open_stream(&request, &state, wanted).await
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

/// Opens a stream of server-sent events.
pub(super) async fn open_stream(
    request: &HttpRequest,
    state: &AppState,
    wanted: Wanted,
) -> Result<HttpResponse, Rejection> {
    let (client_id, wire) = (wanted.client_id.clone(), wanted.wire);
    let (start, permit) = match state.begin(request, wanted).await {
        Ok(begun) => begun,
        Err(Refused::Rejected(rejection)) => return Err(rejection),
        Err(Refused::Busy(busy)) => return state.refuse(request, busy),
    };
    Ok(engine::respond(NewStream {
        preface: start.preface,
        preface_up_to: start.preface_up_to,
        subscriber: start.subscriber.written_as(wire),
        permit,
        client_id,
        heartbeat: state.heartbeat,
        talk: None,
        delivery: state.delivery.clone(),
        metrics: state.metrics.clone(),
    }))
}

/// What a stream asks for, read.
pub(super) struct Wanted {
    rooms: Option<String>,
    user: Option<String>,
    ticket: Option<String>,
    pub(super) acknowledges: bool,
    cursor: Cursor,
    history: u32,
    pub(super) client_id: String,
    wire: Wire,
}

impl Wanted {
    /// Whether it says by name whose it is.
    pub(super) fn is_somebody(&self) -> bool {
        self.user.as_deref().is_some_and(|user| !user.trim().is_empty())
    }
}

impl EventsQuery {
    /// What is asked for, written as `wire`; `history` is what comes first if the client does not say.
    pub(super) fn parse(
        self,
        request: &HttpRequest,
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
        Ok(Wanted {
            cursor: id.map_or(Cursor::None, |id| id.parse().map_or(Cursor::Unreadable, kind)),
            history,
            client_id: client_id(self.client_id)?,
            rooms: self.rooms,
            user: self.user,
            ticket: self.ticket,
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

/// Why there is no stream.
pub(super) enum Refused {
    /// The client has to change something.
    Rejected(Rejection),
    /// It is to come back.
    Busy(Busy),
}

impl From<Busy> for Refused {
    fn from(busy: Busy) -> Self {
        Self::Busy(busy)
    }
}

impl From<identity::Refusal> for Refused {
    fn from(refusal: identity::Refusal) -> Self {
        match refusal {
            identity::Refusal::Rejected(rejection) => Self::Rejected(rejection),
            identity::Refusal::NotNow(not_now) => Self::Busy(not_now.into()),
        }
    }
}

impl AppState {
    /// Admits a client, finds out who it is and where it begins.
    pub(super) async fn begin(
        &self,
        request: &HttpRequest,
        wanted: Wanted,
    ) -> Result<(Start, Permit), Refused> {
        // Before anybody is asked: who is not admitted costs the message service nothing.
        let permit = self.admit(request)?;
        self.resume.ready().await.map_err(Busy::from)?;
        let arrival = self.hub.expect();
        let (rooms, user) = (wanted.rooms.as_deref(), wanted.user.as_deref());
        let ticket = wanted.ticket.as_deref();
        let purpose = Purpose::Stream { acknowledges: wanted.acknowledges };
        let Comer { scope, received } = self
            .identity
            .identify_request(request, permit.address(), rooms, user, ticket, purpose)
            .await?;
        let Wanted { cursor, history, client_id, wire, .. } = wanted;
        let wanted = Request {
            scope: scope.clone(),
            received,
            cursor,
            history,
            client_id: client_id.clone(),
            wire,
            arrival,
            address: permit.address(),
        };
        let start = self.resume.start(wanted).await.map_err(Busy::from)?;
        let attendance = self.presence.attend(&scope).map_err(|TooMany| Busy::User)?;
        let permit = permit.with(attendance);
        self.metrics.resumes.with_label_values(&[start.from]).inc();
        let (address, user) = (permit.address(), scope.user());
        tracing::info!(client_id, user, %address, from = start.from, "client connected");
        Ok((start, permit))
    }

    fn admit(&self, request: &HttpRequest) -> Result<Permit, Busy> {
        if self.hub.is_draining() {
            return Err(Busy::Draining);
        }
        self.admission.admit(self.proxies.client_address(request)).map_err(
            |refusal| match refusal {
                Refusal::Full => Busy::Full,
                Refusal::Address => Busy::Address,
            },
        )
    }

    /// Tells a client to come back: a browser in the stream, since any status but 200 would be
    /// final for it, and everyone else by status.
    fn refuse(&self, request: &HttpRequest, busy: Busy) -> Result<HttpResponse, Rejection> {
        self.metrics.refused.with_label_values(&[busy.reason()]).inc();
        let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
        if accept.is_some_and(|accept| accept.contains("text/event-stream")) {
            return Ok(HttpResponse::Ok()
                .insert_header(EVENT_STREAM)
                .insert_header(NO_STORE)
                // Who is sent away must not keep a descriptor that others need.
                .force_close()
                .body(frame::busy(busy.reason())));
        }
        Err(Rejection::new(busy.status(), busy.reason(), busy.detail())
            .with_header(RETRY_AFTER, HeaderValue::from_static("2")))
    }
}
