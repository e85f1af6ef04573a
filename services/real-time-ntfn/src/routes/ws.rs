//! `/ws`: the same stream as a WebSocket, over which the client talks, too.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use http_kit::{Query, Rejection, rejection::ProblemBody};

use super::{begin::open, events::EventsQuery};
use crate::{engine, event::wire::Wire, state::AppState};

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
    let wanted = query.into_inner().parse(&request, &state.identity, Wire::Ws, HISTORY)?;
    engine::respond_socket(&request, payload.into_inner(), open(&request, state, wanted))
}
