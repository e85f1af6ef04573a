//! What a new stream is sent before it is live, and what one that returns has missed.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, web::Data};
use common::{
    Audience, Batch, EventId,
    internal::{MAX_HISTORY, MAX_UNDELIVERED},
};
use http_kit::{Query, Rejection};
use serde::Deserialize;

use crate::{
    ephemera,
    message::Message,
    routes::{AppState, page::parse_id, sync::parse_rooms},
    store::{StoreError, Window},
};

/// Markers in one answer. Whoever has missed more learns the rest with a fresh load.
const MAX_RECEIPTS: u32 = 2_000;

/// Which messages a new stream wants first.
#[derive(Debug, Deserialize)]
pub struct OpeningQuery {
    user: Option<String>,
    rooms: Option<String>,
    history: Option<u32>,
}

/// Answers with a [`Batch`] of events: the last messages of the rooms, and what has not reached
/// the user yet. A stream that has sent them goes on after its `after`.
pub async fn read_opening(
    request: HttpRequest,
    state: Data<AppState>,
    query: Query<OpeningQuery>,
) -> Result<HttpResponse, Rejection> {
    state.hop.check(&request, b"")?;
    let rooms = parse_rooms(&state, query.rooms.as_deref()).await?;
    let after = state.writer.head().get();
    // By id: messages of different conversations arrive in the order in which they were said.
    let mut opening: BTreeMap<EventId, (Message, Audience)> = BTreeMap::new();
    let history = query.history.unwrap_or(0);
    if history > MAX_HISTORY {
        return Err(Rejection::bad_request("invalid_limit", "history is a number from 0 to 200"));
    }
    if history > 0 {
        for room in rooms {
            let page = state.store.page(None, &room, Window::Newest, history).await??;
            for message in page.messages {
                opening.insert(message.id, (message, Audience::Room(room.clone())));
            }
        }
    }
    if let Some(key) = &query.user {
        // One more than there may be tells the asker that there are more.
        for message in state.store.undelivered(key, EventId::ZERO, MAX_UNDELIVERED + 1).await? {
            opening.insert(message.id, (message, Audience::Users(vec![key.clone()])));
        }
    }
    let events = opening.into_values().map(|(message, audience)| message.event(audience));
    let events = events.collect::<Result<_, _>>().map_err(StoreError::from)?;
    Ok(HttpResponse::Ok().json(Batch { after, events }))
}

/// Whose markers, and since when.
#[derive(Debug, Deserialize)]
pub struct ReceiptsQuery {
    user: String,
    after: String,
}

/// Answers with the markers that have moved since a cursor and that the user may know of, as
/// `receipt` events say it.
pub async fn list_receipts(
    request: HttpRequest,
    state: Data<AppState>,
    query: Query<ReceiptsQuery>,
) -> Result<HttpResponse, Rejection> {
    state.hop.check(&request, b"")?;
    let after = parse_id("after", &query.after)?;
    let receipts = state.store.receipts_after(&query.user, after, MAX_RECEIPTS).await?;
    let receipts: Vec<_> = receipts.iter().map(ephemera::receipt_data).collect();
    Ok(HttpResponse::Ok().json(receipts))
}
