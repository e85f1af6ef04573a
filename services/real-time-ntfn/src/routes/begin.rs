//! From what a stream asks for to the stream, or to what its client is told instead.

use std::net::IpAddr;

use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{ACCEPT, HeaderValue, RETRY_AFTER},
    },
    web::Data,
};
use common::internal::Identify;
use http_kit::{Rejection, request};

use crate::{
    engine::{EVENT_STREAM, NO_STORE, NewStream, NoStream, Opening},
    event::{frame, wire::Wire},
    opening::{
        admission,
        busy::Busy,
        identity::{self, Comer},
        resume::{Cursor, Request},
    },
    people::presence::TooMany,
    state::AppState,
    ws::{
        Peer,
        close::{self, Ending},
    },
};

/// What a stream asks for, read.
pub(super) struct Wanted {
    /// Whose it is, and what it watches.
    pub(super) question: Identify,
    /// Whether its client says itself what was delivered to it.
    pub(super) acknowledges: bool,
    pub(super) cursor: Cursor,
    pub(super) history: u32,
    pub(super) client_id: String,
    pub(super) wire: Wire,
}

/// How a client that has to come again is told so.
#[derive(Clone, Copy)]
enum Way {
    /// In the stream: any status but 200 would be final for a browser.
    InStream,
    /// By status.
    ByStatus,
    /// After the handshake: a browser tells its page nothing else.
    Goodbye,
}

/// Why there is no stream.
enum Refused {
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

/// Opens a stream. What a request says is read before this; it is not needed any more.
pub(super) fn open(request: &HttpRequest, state: Data<AppState>, wanted: Wanted) -> Opening {
    let address = state.proxies.client_address(request);
    let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
    let way = match wanted.wire {
        Wire::Ws => Way::Goodbye,
        _ if accept.is_some_and(|accept| accept.contains("text/event-stream")) => Way::InStream,
        _ => Way::ByStatus,
    };
    Opening::new(request::of_this(async move {
        match state.begin(wanted, address).await {
            Ok(stream) => Ok(stream),
            Err(refused) => Err(state.refuse(refused, way, address).await),
        }
    }))
}

impl AppState {
    /// Admits a client, finds out who it is and where it begins.
    async fn begin(&self, wanted: Wanted, address: IpAddr) -> Result<NewStream, Refused> {
        // Before anybody is asked: who is not admitted costs the message service nothing.
        if self.hub.is_draining() {
            return Err(Busy::Draining.into());
        }
        let permit = self.admission.admit(address).map_err(|refusal| match refusal {
            admission::Refusal::Full => Busy::Full,
            admission::Refusal::Address => Busy::Address,
        })?;
        self.resume.ready().await.map_err(Busy::from)?;
        let arrival = self.hub.expect();
        let Wanted { question, acknowledges, cursor, history, client_id, wire } = wanted;
        let Comer { scope, received } =
            self.identity.identify(question, address, acknowledges).await?;
        let asked = Request {
            scope: scope.clone(),
            received,
            cursor,
            history,
            client_id: client_id.clone(),
            wire,
            arrival,
            address,
        };
        let start = self.resume.start(asked).await.map_err(Busy::from)?;
        let attendance = self.presence.attend(&scope).map_err(|TooMany| Busy::User)?;
        self.metrics.resumes.with_label_values(&[start.from]).inc();
        tracing::info!(client_id, user = scope.user(), %address, from = start.from, "client connected");
        let talks = wire == Wire::Ws;
        Ok(NewStream {
            preface: start.preface,
            preface_up_to: start.preface_up_to,
            subscriber: start.subscriber.written_as(wire),
            permit: permit.with(attendance),
            client_id,
            heartbeat: if talks { self.ping } else { self.heartbeat },
            talk: talks.then(|| self.talk.with(Peer { address, acknowledges })),
            delivery: self.delivery.clone(),
            metrics: self.metrics.clone(),
        })
    }

    /// Tells a client to come back, or what to change; late, if it is told so all the time.
    async fn refuse(&self, refused: Refused, way: Way, address: IpAddr) -> NoStream {
        let (answer, is_of_client) = match refused {
            Refused::Rejected(rejection) => {
                let answer = rejection.error_response();
                let is_of_client = answer.status() == StatusCode::TOO_MANY_REQUESTS;
                (NoStream::Answer(answer), is_of_client)
            }
            Refused::Busy(busy) => {
                self.metrics.refused.with_label_values(&[busy.reason()]).inc();
                (way.tell(busy), busy.is_of_client())
            }
        };
        if is_of_client {
            self.connections.hold_back(address).await;
        }
        answer.held()
    }
}

impl Way {
    /// What a client is told that has to come again.
    fn tell(self, busy: Busy) -> NoStream {
        NoStream::Answer(match self {
            Self::Goodbye => {
                let (reason, label) = (busy.detail(), busy.reason());
                return NoStream::Goodbye(Ending { code: Some(close::TRY_LATER), reason, label });
            }
            Self::InStream => HttpResponse::Ok()
                .insert_header(EVENT_STREAM)
                .insert_header(NO_STORE)
                // Who is sent away must not keep a descriptor that others need.
                .force_close()
                .body(frame::busy(busy.reason())),
            Self::ByStatus => Rejection::new(busy.status(), busy.reason(), busy.detail())
                .with_header(RETRY_AFTER, HeaderValue::from_static("2"))
                .error_response(),
        })
    }
}
