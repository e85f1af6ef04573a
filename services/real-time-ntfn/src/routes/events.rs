//! `/events`: the stream of server-sent events.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{ACCEPT, CONTENT_TYPE, HeaderValue, RETRY_AFTER},
    },
    web::{Data, Query},
};
use common::event::PUBLIC_ROOM;
use http_kit::Rejection;
use serde::Deserialize;
use uuid::Uuid;

use super::AppState;
use crate::{
    admission::{Permit, Refusal},
    engine::{self, NO_STORE},
    frame,
    openapi::ProblemBody,
    portable::Opening,
    resume::{Cursor, NotNow, Request},
    scope::Scope,
    wire::Wire,
};

const MAX_HISTORY: u32 = 200;

/// What a stream asks for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// A name for the connection, for logs; 1–64 letters, digits and `-_.`.
    #[param(nullable = false)]
    client_id: Option<String>,
    /// Public rooms, separated by commas; `public` without it.
    #[param(nullable = false)]
    rooms: Option<String>,
    /// How many of the last messages to send first, 0–200, if there is no cursor.
    #[param(minimum = 0, maximum = 200, nullable = false)]
    history: Option<u32>,
    /// The last event that the client has. The header `Last-Event-ID` wins.
    #[param(nullable = false)]
    last_event_id: Option<String>,
}

/// Follow the conversation.
///
/// Messages are default events; `ready`, `heartbeat`, `reset` and `busy` are named. Every event
/// with an `id` is in the log, and `Last-Event-ID` continues after it.
#[utoipa::path(
    get, path = "/events", tag = "streams",
    params(
        EventsQuery,
        ("Last-Event-ID" = Option<String>, Header, description = "the last event the client has"),
    ),
    responses(
        (status = 200, description = "server-sent events", content_type = "text/event-stream", body = String),
        (status = 400, description = "a parameter is not acceptable", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "the page's origin is not allowed", body = ProblemBody, content_type = "application/problem+json"),
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
    let wanted = query.into_inner().parse(&request, 0)?;
    open_stream(&request, &state, wanted).await
}

/// Opens a stream of server-sent events.
pub(super) async fn open_stream(
    request: &HttpRequest,
    state: &AppState,
    wanted: Request,
) -> Result<HttpResponse, Rejection> {
    let (client_id, wire) = (wanted.client_id.clone(), wanted.wire);
    let permit = match state.admit(request) {
        Ok(permit) => permit,
        Err(busy) => return state.refuse(request, busy),
    };
    let start = match state.resume.start(wanted).await {
        Ok(start) => start,
        Err(not_now) => return state.refuse(request, not_now.into()),
    };
    state.metrics.resumes.with_label_values(&[start.from]).inc();
    tracing::info!(client_id, address = %permit.address(), from = start.from, "client connected");
    Ok(engine::respond(Opening {
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

impl EventsQuery {
    /// What is asked for; `history` is what comes first if the client does not say.
    pub(super) fn parse(self, request: &HttpRequest, history: u32) -> Result<Request, Rejection> {
        let history = self.history.unwrap_or(history);
        if history > MAX_HISTORY {
            return Err(Rejection::bad_request(
                "invalid_history",
                "history is a number from 0 to 200",
            ));
        }
        let header = request.headers().get("last-event-id").map(|id| id.to_str().unwrap_or("?"));
        let cursor = header.or(self.last_event_id.as_deref()).filter(|id| !id.is_empty());
        Ok(Request {
            scope: scope(self.rooms.as_deref())?,
            cursor: cursor
                .map_or(Cursor::None, |id| id.parse().map_or(Cursor::Unreadable, Cursor::At)),
            history,
            client_id: client_id(self.client_id)?,
            wire: Wire::Sse,
        })
    }
}

fn scope(rooms: Option<&str>) -> Result<Scope, Rejection> {
    let mut rooms = rooms.unwrap_or(PUBLIC_ROOM).split(',').map(str::trim);
    if rooms.any(|room| room != PUBLIC_ROOM) {
        return Err(Rejection::not_found(
            "conversation_not_found",
            "there is no such room: try rooms=public",
        ));
    }
    Ok(Scope::public())
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

/// Why a stream is refused for now.
#[derive(Clone, Copy)]
pub(super) enum Busy {
    Full,
    Address,
    Draining,
    Starting,
    Upstream,
}

impl Busy {
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Address => "address",
            Self::Draining => "draining",
            Self::Starting => "starting",
            Self::Upstream => "upstream",
        }
    }

    pub(super) const fn detail(self) -> &'static str {
        match self {
            Self::Full => "there are as many streams as this server can hold",
            Self::Address => "there are too many streams from your address",
            Self::Draining => "this server is restarting",
            Self::Starting => "this server is starting",
            Self::Upstream => "the message service does not answer",
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::Address => StatusCode::TOO_MANY_REQUESTS,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl From<NotNow> for Busy {
    fn from(not_now: NotNow) -> Self {
        match not_now {
            NotNow::Starting => Self::Starting,
            NotNow::Upstream => Self::Upstream,
        }
    }
}

impl AppState {
    pub(super) fn admit(&self, request: &HttpRequest) -> Result<Permit, Busy> {
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
                .insert_header((CONTENT_TYPE, "text/event-stream"))
                .insert_header(NO_STORE)
                .body(frame::busy(busy.reason())));
        }
        Err(Rejection::new(busy.status(), busy.reason(), busy.detail())
            .with_header(RETRY_AFTER, HeaderValue::from_static("2")))
    }
}
