//! What has reached whom.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use common::internal::DeliveredBatch;
use http_kit::Rejection;

use super::read;
use crate::{chat::change::Change, state::AppState};

/// Users in one change: posts wait for as long as one takes.
const CHUNK: usize = 64;

/// Notes that everything addressed to users, up to an event, has reached them.
pub async fn note_delivered(
    request: HttpRequest,
    payload: Payload,
    state: Data<AppState>,
) -> Result<HttpResponse, Rejection> {
    let batch: DeliveredBatch = read(&request, payload, &state).await?;
    for some in batch.delivered.chunks(CHUNK) {
        state.writer.change(Change::Deliver(some.to_vec())).await?;
    }
    Ok(HttpResponse::NoContent().finish())
}
