//! What a new stream is sent before it is live, and what one that returns has missed.

use std::{collections::BTreeMap, sync::Arc};

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use common::{
    Audience, Batch, EventId,
    internal::{MAX_BEGINNING, MAX_HISTORY, MAX_UNDELIVERED},
};
use http_kit::{Query, Rejection};
use serde::Deserialize;

use crate::{
    chat::message::Message,
    log::ephemera,
    routes::{
        page::{answer_with, parse_id},
        sync::parse_rooms,
    },
    state::AppState,
    store::{StoreError, Window},
};

/// Markers in one answer. Whoever has missed more learns the rest with a fresh load.
const MAX_RECEIPTS: u32 = 2_000;

/// Undelivered messages that are read at once.
const PAGE: u32 = 500;

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
    let after = state.cursor().await?;
    let history = query.history.unwrap_or(0);
    if history > MAX_HISTORY {
        return Err(Rejection::bad_request("invalid_limit", "history is a number from 0 to 200"));
    }
    let mut opening = Opening::default();
    if history > 0 {
        for room in rooms {
            let page = state.store.page(None, &room, Window::Newest, history).await??;
            opening.add(page.messages, &Arc::new(Audience::Room(room)));
            opening.trim();
        }
    }
    if let Some(key) = &query.user {
        read_undelivered(&state, key, &mut opening).await?;
    }
    let events = opening.messages.into_values();
    let events = events.map(|(message, audience)| message.event(audience));
    let events = events.collect::<Result<_, _>>().map_err(StoreError::from)?;
    let batch = Batch::new(after, events);
    let bytes = batch.size();
    answer_with(HttpResponse::Ok(), batch, bytes).await
}

/// What a stream begins with, by id: messages of different conversations arrive in the order in
/// which they were said.
#[derive(Default)]
struct Opening {
    messages: BTreeMap<EventId, (Message, Arc<Audience>)>,
    bytes: usize,
}

impl Opening {
    fn add(&mut self, messages: Vec<Message>, audience: &Arc<Audience>) {
        for message in messages {
            self.bytes += message.content.len();
            self.messages.insert(message.id, (message, audience.clone()));
        }
    }

    /// Leaves out the oldest beyond [`MAX_BEGINNING`].
    fn trim(&mut self) {
        while self.bytes > MAX_BEGINNING
            && let Some((_, (message, _))) = self.messages.pop_first()
        {
            self.bytes -= message.content.len();
        }
    }
}

/// Adds what has not reached a user, unless it is too much for a stream to begin with.
async fn read_undelivered(
    state: &AppState,
    key: &str,
    opening: &mut Opening,
) -> Result<(), Rejection> {
    let audience = Arc::new(Audience::Users(vec![key.to_owned()]));
    let (mut after, mut count, before) = (EventId::ZERO, 0, opening.bytes);
    loop {
        let page = state.store.undelivered(key, after, PAGE).await?;
        let last = page.last().filter(|_| page.len() == PAGE as usize).map(|message| message.id);
        count += page.len();
        opening.add(page, &audience);
        if count > MAX_UNDELIVERED as usize || opening.bytes - before > MAX_BEGINNING {
            return Err(Rejection::new(
                StatusCode::GONE,
                "too_far",
                "more has not been delivered than a stream begins with: load anew",
            ));
        }
        match last {
            Some(last) => after = last,
            None => return Ok(()),
        }
    }
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
