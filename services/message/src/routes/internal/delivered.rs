//! What has reached whom.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Bytes, Data},
};
use common::internal::DeliveredBatch;
use http_kit::{Rejection, body::parse};

use crate::{change::Change, routes::AppState};

/// Users in one change: posts wait for as long as one takes.
const CHUNK: usize = 64;

/// Notes that everything addressed to users, up to an event, has reached them.
pub async fn note_delivered(
    request: HttpRequest,
    state: Data<AppState>,
    body: Bytes,
) -> Result<HttpResponse, Rejection> {
    state.hop.check_signed(&request, &body)?;
    let batch: DeliveredBatch = parse(&body)?;
    for some in batch.delivered.chunks(CHUNK) {
        state.writer.change(Change::Deliver(some.to_vec())).await?;
    }
    Ok(HttpResponse::NoContent().finish())
}
