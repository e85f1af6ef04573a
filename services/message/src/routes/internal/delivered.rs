//! What has reached whom.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Bytes, Data},
};
use common::internal::DeliveredBatch;
use http_kit::{Rejection, body::parse};

use crate::{change::Change, routes::AppState};

/// Notes that everything addressed to users, up to an event, has reached them.
pub async fn note_delivered(
    request: HttpRequest,
    state: Data<AppState>,
    body: Bytes,
) -> Result<HttpResponse, Rejection> {
    state.hop.check_signed(&request, &body)?;
    let batch: DeliveredBatch = parse(&body)?;
    if !batch.delivered.is_empty() {
        state.writer.change(Change::Deliver(batch.delivered)).await?;
    }
    Ok(HttpResponse::NoContent().finish())
}
