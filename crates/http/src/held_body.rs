//! Bodies that nobody has read: the connection ends with the answer.
//!
//! actix reads the rest of a chunked body once the handler has dropped it, without a deadline, so
//! a client could keep its connection for ever by never ending its body. While somebody still
//! holds the body, actix closes the connection after the answer instead. This module holds it.

use std::{
    cell::RefCell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use actix_web::{
    Error, HttpMessage,
    body::{BodySize, EitherBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    error::PayloadError,
    http::header::TRANSFER_ENCODING,
    middleware::Next,
    web::Bytes,
};
use futures_util::Stream;

/// Middleware: keeps a chunked body until the answer is sent.
pub async fn hold<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, Holding<B>>>, Error> {
    if !request.headers().contains_key(TRANSFER_ENCODING) {
        return Ok(next.call(request).await?.map_into_left_body());
    }
    let held = Held(Rc::new(RefCell::new(request.take_payload())));
    request.set_payload(Payload::Stream { payload: Box::pin(Held(held.0.clone())) });
    let response = next.call(request).await?;
    Ok(response
        .map_body(|_, body| EitherBody::right(Holding { body: Box::pin(body), _held: held })))
}

struct Held(Rc<RefCell<Payload>>);

impl Stream for Held {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_next(context)
    }
}

/// An answer that keeps its request's body until it is sent.
pub struct Holding<B> {
    body: Pin<Box<B>>,
    _held: Held,
}

impl<B: MessageBody> MessageBody for Holding<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, B::Error>>> {
        self.body.as_mut().poll_next(context)
    }
}
