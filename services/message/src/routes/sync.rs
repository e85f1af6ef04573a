//! `/sync`: the event log by REST.

use actix_web::{
    HttpResponse,
    web::{Data, Query},
};
use common::{EventId, event::LogPage};
use http_kit::Rejection;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{
    AppState,
    messages::{MAX_LIMIT, parse_id, parse_limit},
};
use crate::{error::Error, openapi::ProblemBody};

/// From where to read.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SyncQuery {
    /// A cursor: the events after it.
    #[param(example = "20240101120000.123456")]
    after: String,
    /// How many, 1–200; 200 without it.
    #[param(minimum = 1, maximum = 200, nullable = false)]
    limit: Option<u32>,
}

/// A part of the event log.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SyncPage<'a> {
    /// Durable events in order, as they stand in `data:` on the stream.
    #[schema(value_type = Vec<Object>)]
    events: Vec<&'a RawValue>,
    /// The cursor after these events.
    #[schema(value_type = String)]
    next: EventId,
    /// Whether there are more.
    has_more: bool,
}

/// Read what happened after a cursor: the stream's twin for clients that poll or catch up.
#[utoipa::path(
    get, path = "/sync", tag = "sync", params(SyncQuery),
    responses(
        (status = 200, description = "events in order", body = SyncPage),
        (status = 400, description = "a parameter is not acceptable", body = ProblemBody, content_type = "application/problem+json"),
        (status = 410, description = "the log does not hold this cursor: load anew", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn sync_events(
    state: Data<AppState>,
    query: Query<SyncQuery>,
) -> Result<HttpResponse, Rejection> {
    let after = parse_id("after", &query.after)?;
    let limit = parse_limit(query.limit, MAX_LIMIT)?;
    let page = state.store.events_after(after, limit).await?;
    check_cursor(after, &page)?;
    let next = page.batch.end();
    // Everything in the log is for the public room, which everyone may see.
    let events = page.batch.events.iter().map(|event| &*event.data).collect();
    Ok(HttpResponse::Ok().json(SyncPage { events, next, has_more: next < page.head }))
}

/// Refuses a cursor that the log cannot continue from: an answer would hide a hole.
pub fn check_cursor(after: EventId, page: &LogPage) -> Result<(), Error> {
    if after < page.floor {
        return Err(Error::CursorExpired);
    }
    if after > page.head {
        return Err(Error::CursorUnknown);
    }
    Ok(())
}
