//! `/ws`: the same stream as a WebSocket, over which the client talks, too.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use http_kit::{Query, Rejection, rejection::ProblemBody};

use super::events::{EventsQuery, Refused};
use crate::{
    engine::{self, Conversation, NewStream},
    event::wire::Wire,
    state::AppState,
    ws::{
        Peer,
        close::{self, Ending},
    },
};

/// Messages that come first, unless the client says otherwise.
const HISTORY: u32 = 50;

/// Follow the conversation, and take part in it.
///
/// Frames to the client are the events of `/events`, as JSON; `history` is 50 unless given. Frames
/// from the client: `{"type":"message","content":…}`, or plain text, which does not begin with `{`, for the
/// room `public`;
/// `typing`, `read`, `delivered`, `ping`, and `resume` with `last_event_id`. A message is answered
/// by an `ack` or an `error`. The cursor to resume from is in `ready`, then in the `id` of each event,
/// and in a frame `cursor` behind what the socket begins with. Close codes: 1001 no answer to pings, 1008 too many frames, 1009 too
/// long, 1012 restart, 1013 no place, 4000 reads too slowly, 4001 sign in again.
#[utoipa::path(
    get, path = "/ws", tag = "streams",
    params(EventsQuery),
    responses(
        (status = 101, description = "WebSocket frames"),
        (status = 400, description = "no WebSocket handshake, or a parameter is not acceptable", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "no credential, or not a good one: sign in again", body = ProblemBody, content_type = "application/problem+json"),
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
) -> Result<HttpResponse, Rejection> {
    state.origins.check(&request)?;
    engine::check_handshake(&request)?;
    let wanted = query.into_inner().parse(&request, Wire::Ws, HISTORY)?;
    let (client_id, acknowledges) = (wanted.client_id.clone(), wanted.acknowledges);
    let refuse = |reason: &'static str, detail| {
        state.metrics.refused.with_label_values(&[reason]).inc();
        let ending = Ending { code: Some(close::TRY_LATER), reason: detail, label: reason };
        engine::respond_goodbye(&request, ending)
    };
    let (start, permit) = match state.begin(&request, wanted).await {
        Ok(begun) => begun,
        Err(Refused::Rejected(rejection)) => return Err(rejection),
        Err(Refused::Busy(busy)) => return refuse(busy.reason(), busy.detail()),
    };
    let talk = state.talk.with(Peer { address: permit.address(), acknowledges });
    let payload = payload.into_inner();
    let stream = NewStream {
        preface: start.preface,
        preface_up_to: start.preface_up_to,
        subscriber: start.subscriber.written_as(Wire::Ws),
        permit,
        client_id,
        heartbeat: state.ping,
        talk: Some(Conversation { talk, payload }),
        delivery: state.delivery.clone(),
        metrics: state.metrics.clone(),
    };
    engine::respond_socket(&request, stream)
}
