//! `/sse/chat`: one user's direct messages, in a dialect of their own.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Query},
};
use http_kit::Rejection;
use serde::Deserialize;

use super::{
    AppState,
    events::{EventsQuery, open_stream},
};
use crate::{openapi::ProblemBody, wire::Wire};

/// Whose messages.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ChatQuery {
    /// The user.
    #[serde(rename = "userId")]
    #[param(nullable = false)]
    user_id: Option<String>,
}

/// Follow one user's direct messages.
///
/// Every frame is a default event: first `{"type":"connected"}`, then
/// `{"id","conversationId","senderId","receiverId","text","sentAt","status"}` with an `id`, and
/// `{"type":"heartbeat"}`.
#[utoipa::path(
    get, path = "/sse/chat", tag = "streams",
    params(ChatQuery),
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
    who: Query<ChatQuery>,
) -> Result<HttpResponse, Rejection> {
    state.origins.check(&request)?;
    let user = who.into_inner().user_id.filter(|user| !user.trim().is_empty());
    if user.is_none() {
        return Err(Rejection::bad_request("user_missing", "say whose messages: ?userId=alice"));
    }
    let mut wanted = query.into_inner().parse(&request, 0)?;
    // The one place where this stream gets its identity; so far everybody is nobody.
    wanted.wire = Wire::Chat;
    open_stream(&request, &state, wanted).await
}
