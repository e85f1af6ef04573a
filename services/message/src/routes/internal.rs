//! `/internal`: what the notification service reads. Signed.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Query},
};
use common::{Audience, Batch, event::PUBLIC_ROOM};
use http_kit::Rejection;
use serde::Deserialize;

use super::{
    AppState,
    messages::{parse_id, parse_limit},
    sync::check_cursor,
};
use crate::store::{StoreError, Window};

/// The most events in one answer.
const MAX_EVENTS: u32 = 65_536;

/// Which part of the log: after a cursor, or the end of it.
#[derive(Debug, Deserialize)]
pub struct EventsQuery {
    after: Option<String>,
    limit: Option<u32>,
    tail: Option<u32>,
}

/// Answers with a [`LogPage`](common::event::LogPage).
pub async fn list_events(
    request: HttpRequest,
    state: Data<AppState>,
    query: Query<EventsQuery>,
) -> Result<HttpResponse, Rejection> {
    state.hop.check(&request, b"")?;
    let page = match (&query.after, query.tail) {
        (Some(after), None) => {
            let after = parse_id("after", after)?;
            let limit = query.limit.unwrap_or(1_000).clamp(1, MAX_EVENTS);
            let page = state.store.events_after(after, limit).await?;
            check_cursor(after, &page)?;
            page
        }
        (None, Some(tail)) => state.store.events_tail(tail.min(MAX_EVENTS)).await?,
        _ => {
            return Err(Rejection::bad_request("invalid_query", "send either after or tail"));
        }
    };
    Ok(HttpResponse::Ok().json(page))
}

/// Which messages a new stream wants first.
#[derive(Debug, Deserialize)]
pub struct HistoryQuery {
    room: Option<String>,
    limit: Option<u32>,
}

/// Answers with the last messages of a room as a [`Batch`] of events: a stream that has sent them
/// goes on after its `after`.
pub async fn list_history(
    request: HttpRequest,
    state: Data<AppState>,
    query: Query<HistoryQuery>,
) -> Result<HttpResponse, Rejection> {
    state.hop.check(&request, b"")?;
    let limit = parse_limit(query.limit, 50)?;
    let room = query.room.as_deref().unwrap_or(PUBLIC_ROOM);
    let after = state.writer.head().get();
    let page = state.store.page(None, room, Window::Newest, limit).await??;
    let audience = || Audience::Room(room.to_owned());
    let events = page.messages.iter().map(|message| message.event(audience()));
    let events = events.collect::<Result<_, _>>();
    let events = events.map_err(StoreError::from)?;
    Ok(HttpResponse::Ok().json(Batch { after, events }))
}
