//! `/ws`: the same stream as a WebSocket, over which the client talks, too.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload, Query},
};
use http_kit::Rejection;
use serde::Deserialize;

use super::{AppState, events::EventsQuery};
use crate::{
    engine,
    openapi::ProblemBody,
    portable::{Conversation, Opening},
    wire::Wire,
    ws::close::{self, Ending},
};

/// Messages that come first, unless the client says otherwise.
const HISTORY: u32 = 50;

/// Who a client says it is.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct WsQuery {
    /// The name of the user, where names are taken as given.
    #[param(nullable = false)]
    username: Option<String>,
}

/// Follow the conversation, and take part in it.
///
/// Frames to the client are the events of `/events`, as JSON; `history` is 50 unless given. Frames
/// from the client: `{"type":"message","content":…}`, or plain text for the room `public`;
/// `typing`, `read`, `delivered`, `ping`, and `resume` with `last_event_id`. A message is answered
/// by an `ack` or an `error`. Close codes: 1001 no answer to pings, 1008 too many frames, 1009 too
/// long, 1012 restart, 1013 no place, 4000 reads too slowly, 4001 sign in again.
#[utoipa::path(
    get, path = "/ws", tag = "streams",
    params(EventsQuery, WsQuery),
    responses(
        (status = 101, description = "WebSocket frames"),
        (status = 400, description = "no WebSocket handshake, or a parameter is not acceptable", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "the page's origin is not allowed", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "no such room", body = ProblemBody, content_type = "application/problem+json"),
        (status = 426, description = "another version of WebSocket", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn open_socket(
    request: HttpRequest,
    payload: Payload,
    state: Data<AppState>,
    query: Query<EventsQuery>,
    who: Query<WsQuery>,
) -> Result<HttpResponse, Rejection> {
    state.origins.check(&request)?;
    engine::check_handshake(&request)?;
    let mut wanted = query.into_inner().parse(&request, HISTORY)?;
    // The one place where a WebSocket gets its identity; so far everybody is nobody.
    let _ = who.into_inner().username;
    wanted.wire = Wire::Ws;
    let client_id = wanted.client_id.clone();
    let refuse = |reason: &'static str, detail| {
        state.metrics.refused.with_label_values(&[reason]).inc();
        let ending = Ending { code: Some(close::TRY_LATER), reason: detail, label: reason };
        engine::respond_goodbye(&request, ending)
    };
    let permit = match state.admit(&request) {
        Ok(permit) => permit,
        Err(busy) => return refuse(busy.reason(), busy.detail()),
    };
    let start = match state.resume.start(wanted).await {
        Ok(start) => start,
        Err(not_now) => {
            let busy = super::events::Busy::from(not_now);
            return refuse(busy.reason(), busy.detail());
        }
    };
    state.metrics.resumes.with_label_values(&[start.from]).inc();
    tracing::info!(client_id, address = %permit.address(), from = start.from, "client connected");
    let payload = payload.into_inner();
    let opening = Opening {
        preface: start.preface,
        preface_up_to: start.preface_up_to,
        subscriber: start.subscriber.written_as(Wire::Ws),
        permit,
        client_id,
        heartbeat: state.ping,
        talk: Some(Conversation { talk: state.talk.clone(), payload }),
        delivery: state.delivery.clone(),
        metrics: state.metrics.clone(),
    };
    engine::respond_socket(&request, opening)
}
