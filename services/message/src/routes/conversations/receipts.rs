//! Markers: `POST /conversations/{id}/read` and `…/delivered`, `POST /receipts`.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Data, Path},
};
use http_kit::{JsonBody, Query, Rejection, rejection::ProblemBody, request::resource};
use serde::Deserialize;

use crate::{
    chat::change::{Change, Mark},
    identity::caller::{Caller, Claim},
    state::AppState,
};

/// The most conversations in one batch: as many as one list has.
const MAX_RECEIPTS: usize = 200;

/// So many markers are one more post.
const MARKERS_A_POST: usize = 10;

pub(super) fn configure(config: &mut web::ServiceConfig) {
    config
        .service(resource("/conversations/{id}/read", "POST").route(web::post().to(mark_read)))
        .service(
            resource("/conversations/{id}/delivered", "POST").route(web::post().to(mark_delivered)),
        )
        .service(resource("/receipts", "POST").route(web::post().to(mark_all)));
}

/// Up to where.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct Marker {
    /// The seq of the newest message that counts. One beyond the end means the end.
    #[schema(example = 42, format = "uint64")]
    seq: u64,
    /// Whose marker, where names are taken as given.
    #[serde(alias = "sender", alias = "username", alias = "senderId", alias = "userId")]
    #[schema(example = "alice")]
    user: Option<String>,
}

/// Say that I have read everything up to a message. Markers only move forward, and what is read
/// has been delivered. In a room that I have not joined there is no marker to move.
///
/// Told live as `receipt` to all members of a private conversation of at most 100, in larger groups
/// and in rooms to my own devices only.
#[utoipa::path(
    post, path = "/conversations/{id}/read", tag = "receipts", request_body = Marker,
    params(("id" = String, Path, description = "the conversation's id"), Claim),
    responses(
        (status = 204, description = "noted"),
        (status = 401, description = "say who you are", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "no such conversation, or not for you", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn mark_read(
    request: HttpRequest,
    state: Data<AppState>,
    id: Path<String>,
    claim: Query<Claim>,
    JsonBody(marker): JsonBody<Marker>,
) -> Result<HttpResponse, Rejection> {
    let claimed = marker.user.as_deref().or(claim.user.as_deref());
    let caller = Caller::of(&state.identity, &request, claimed).await?;
    let conversation_id = id.into_inner();
    let mark = Mark { conversation_id, read: Some(marker.seq), delivered: None };
    move_markers(&state, &caller, mark).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Say that everything up to a message has reached me. Told as `read` is.
#[utoipa::path(
    post, path = "/conversations/{id}/delivered", tag = "receipts", request_body = Marker,
    params(("id" = String, Path, description = "the conversation's id"), Claim),
    responses(
        (status = 204, description = "noted"),
        (status = 401, description = "say who you are", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "no such conversation, or not for you", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn mark_delivered(
    request: HttpRequest,
    state: Data<AppState>,
    id: Path<String>,
    claim: Query<Claim>,
    JsonBody(marker): JsonBody<Marker>,
) -> Result<HttpResponse, Rejection> {
    let claimed = marker.user.as_deref().or(claim.user.as_deref());
    let caller = Caller::of(&state.identity, &request, claimed).await?;
    let conversation_id = id.into_inner();
    let mark = Mark { conversation_id, read: None, delivered: Some(marker.seq) };
    move_markers(&state, &caller, mark).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Markers in several conversations.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct Receipts {
    /// At most 200.
    receipts: Vec<PlacedMarker>,
    /// Whose markers, where names are taken as given.
    #[serde(alias = "sender", alias = "username", alias = "senderId", alias = "userId")]
    #[schema(example = "alice")]
    user: Option<String>,
}

/// Markers in one conversation.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct PlacedMarker {
    /// Where.
    #[serde(alias = "conversationId")]
    #[schema(example = "public")]
    conversation_id: String,
    /// Read up to this seq.
    #[schema(format = "uint64")]
    read: Option<u64>,
    /// Delivered up to this seq.
    #[schema(format = "uint64")]
    delivered: Option<u64>,
}

/// Move markers in several conversations. Those that are not mine are passed over: whoever has been
/// removed from one has still read the others. Told as `read` is.
#[utoipa::path(
    post, path = "/receipts", tag = "receipts", request_body = Receipts, params(Claim),
    responses(
        (status = 204, description = "noted"),
        (status = 401, description = "say who you are", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "too many at once", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn mark_all(
    request: HttpRequest,
    state: Data<AppState>,
    claim: Query<Claim>,
    JsonBody(batch): JsonBody<Receipts>,
) -> Result<HttpResponse, Rejection> {
    let claimed = batch.user.as_deref().or(claim.user.as_deref());
    let caller = Caller::of(&state.identity, &request, claimed).await?;
    if batch.receipts.len() > MAX_RECEIPTS {
        return Err(Rejection::field("receipts", "receipts_too_many", "send at most 200 at once"));
    }
    state.charge(&request, batch.receipts.len() / MARKERS_A_POST)?;
    let marks = batch.receipts.into_iter().map(|marker| Mark {
        conversation_id: marker.conversation_id,
        read: marker.read,
        delivered: marker.delivered,
    });
    let user = caller.require_user()?.clone();
    state.writer.change(Change::MarkAll { user, marks: marks.collect() }).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn move_markers(state: &AppState, caller: &Caller, mark: Mark) -> Result<(), Rejection> {
    let user = caller.require_user()?.clone();
    state.writer.change(Change::Mark { user, mark }).await?;
    Ok(())
}
