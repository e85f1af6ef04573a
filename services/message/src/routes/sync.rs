//! `/sync`: the event log by REST.

use std::{collections::HashSet, sync::Arc};

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Data},
};
use common::{EventId, event::PUBLIC_ROOM, internal::MAX_ROOMS};
use http_kit::{
    Query, Rejection,
    rejection::ProblemBody,
    request::{get, resource},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::page::{MAX_LIMIT, answer_with, parse_id, parse_limit};
use crate::{
    chat::change::Refusal, error::Error, identity::caller::Caller, state::AppState, store::Viewer,
};

pub(super) fn configure(config: &mut web::ServiceConfig) {
    config.service(resource("/sync", "GET, HEAD").route(get().to(sync_events)));
}

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
    /// Public rooms, separated by commas; `public` without it.
    #[param(nullable = false)]
    rooms: Option<String>,
    /// Who asks, where identities are taken as given.
    #[serde(alias = "username", alias = "userId")]
    #[param(nullable = false)]
    user: Option<String>,
}

/// A part of the event log.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SyncPage {
    /// Durable events in order, as they stand in `data:` on the stream.
    #[schema(value_type = Vec<Object>)]
    events: Vec<Arc<RawValue>>,
    /// The cursor after these events.
    #[schema(value_type = String)]
    next: EventId,
    /// Whether there are more.
    has_more: bool,
}

/// Read what happened after a cursor: the stream's twin for clients that poll or catch up.
///
/// It shows what a stream would: the rooms asked for, and what is addressed to the caller.
#[utoipa::path(
    get, path = "/sync", tag = "sync", params(SyncQuery),
    responses(
        (status = 200, description = "events in order", body = SyncPage),
        (status = 400, description = "a parameter is not acceptable", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "who asks is not shown", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "no such room", body = ProblemBody, content_type = "application/problem+json"),
        (status = 410, description = "the log does not hold this cursor: load anew", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "the name is not acceptable", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn sync_events(
    request: HttpRequest,
    state: Data<AppState>,
    query: Query<SyncQuery>,
) -> Result<HttpResponse, Rejection> {
    let caller = Caller::of(&state.identity, &request, query.user.as_deref()).await?;
    let after = parse_id("after", &query.after)?;
    let limit = parse_limit(query.limit, MAX_LIMIT)?;
    // As on the stream: no room has an empty name.
    let mut named = query.rooms.iter().flat_map(|rooms| rooms.split(','));
    if named.any(|room| room.trim().is_empty()) {
        return Err(Refusal::NoConversation.into());
    }
    let rooms = parse_rooms(&state, query.rooms.as_deref()).await?;
    let viewer = Viewer { rooms: &rooms, user: caller.key() };
    let page = state.store.events_for(after, viewer, limit).await?.map_err(Error::from)?;
    let (next, has_more) = (page.end(), page.end() < page.head);
    let bytes = page.batch.size();
    let events = page.batch.events.into_iter().map(|event| event.data).collect();
    answer_with(HttpResponse::Ok(), SyncPage { events, next, has_more }, bytes).await
}

/// The rooms of a request, separated by commas; all of them exist.
pub async fn parse_rooms(
    state: &AppState,
    rooms: Option<&str>,
) -> Result<HashSet<String>, Rejection> {
    let named = rooms.unwrap_or(PUBLIC_ROOM).split(',').map(str::trim);
    let rooms: HashSet<String> = named.filter(|room| !room.is_empty()).map(str::to_owned).collect();
    if rooms.len() > MAX_ROOMS {
        return Err(Rejection::bad_request("too_many_rooms", "name at most 50 rooms"));
    }
    // Everybody may watch what everybody may read; there is nothing else to decide.
    let is_default = rooms.len() == 1 && rooms.contains(PUBLIC_ROOM);
    let named: Vec<_> = rooms.iter().cloned().collect();
    if !is_default && !state.store.are_rooms(&named).await? {
        return Err(Refusal::NoConversation.into());
    }
    Ok(rooms)
}
