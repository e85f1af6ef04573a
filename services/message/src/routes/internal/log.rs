//! `/internal/events`: the event log.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use http_kit::{Query, Rejection};
use serde::Deserialize;

use crate::{
    error::Error,
    routes::page::{answer_with, parse_id},
    state::AppState,
    store::Viewer,
};

/// The most events in one answer.
const MAX_EVENTS: u32 = 65_536;

/// Which part of the log: after a cursor, or the beginning of its end.
#[derive(Debug, Deserialize)]
pub struct EventsQuery {
    after: Option<String>,
    limit: Option<u32>,
    tail: Option<u32>,
    /// With one of these, only what the user with this key may see, who watches these rooms.
    rooms: Option<String>,
    user: Option<String>,
}

/// Answers with a [`LogPage`](common::event::LogPage), which ends early where events are large.
/// Whoever has not reached its `head` goes on after its last event.
pub async fn list_events(
    request: HttpRequest,
    state: Data<AppState>,
    query: Query<EventsQuery>,
) -> Result<HttpResponse, Rejection> {
    state.hop.check(&request, b"")?;
    let limit = query.limit.unwrap_or(1_000).clamp(1, MAX_EVENTS);
    let page = match (&query.after, query.tail) {
        (Some(after), None) => {
            let after = parse_id("after", after)?;
            let page = if query.rooms.is_some() || query.user.is_some() {
                let rooms = query.rooms.iter().flat_map(|rooms| rooms.split(','));
                let rooms = rooms.map(str::to_owned).collect();
                let viewer = Viewer { rooms: &rooms, user: query.user.as_deref() };
                state.store.events_for(after, viewer, limit).await?
            } else {
                state.store.events_after(after, limit).await?
            };
            page.map_err(Error::from)?
        }
        (None, Some(tail)) => state.store.events_tail(tail.min(MAX_EVENTS), limit).await?,
        _ => {
            return Err(Rejection::bad_request("invalid_query", "send either after or tail"));
        }
    };
    let bytes = page.batch.size();
    answer_with(HttpResponse::Ok(), page, bytes).await
}
