//! `/sse/chat`: one user's direct messages, in a dialect of their own.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use http_kit::{Query, Rejection, rejection::ProblemBody};

use super::{begin::open, events::EventsQuery};
use crate::{engine, event::wire::Wire, state::AppState};

/// Follow one user's direct messages.
///
/// Every frame is a default event: first `{"type":"connected"}`, then
/// `{"id","conversationId","senderId","receiverId","text","sentAt","status"}` with an `id`, and
/// `{"type":"heartbeat"}`.
#[utoipa::path(
    get, path = "/sse/chat", tag = "streams",
    params(EventsQuery),
    responses(
        (status = 200, description = "server-sent events", content_type = "text/event-stream", body = String),
        (status = 400, description = "no userId", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "the page's origin is not allowed", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "not now: see Retry-After", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn stream_chat(
    request: HttpRequest,
    state: Data<AppState>,
    query: Query<EventsQuery>,
) -> Result<HttpResponse, Rejection> {
    state.origins.check(&request)?;
    let wanted = query.into_inner().parse(&request, &state.identity, Wire::Chat, 0)?;
    if wanted.question.username.as_deref().is_none_or(|name| name.trim().is_empty()) {
        return Err(Rejection::bad_request("user_missing", "say whose messages: ?userId=alice"));
    }
    Ok(engine::respond(open(&request, state, wanted)))
}
