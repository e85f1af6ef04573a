//! [`Answer`]: the body of an answer, on its way to a client.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use actix_web::{
    body::{BodySize, MessageBody},
    web::Bytes,
};

use super::{idle, unread};

/// What actix is given at a time. It copies that and asks for more when it is written: a large answer
/// in one piece would be there twice.
const PIECE: usize = 32 * 1024;

/// The body of an answer, in pieces. While it is under way its connection is not idle, and its bytes
/// are counted.
pub struct Answer<B> {
    body: Pin<Box<B>>,
    rest: Bytes,
    _request: Option<idle::Request>,
    _held: Option<unread::Bytes>,
}

/// How long a body is, if that is known.
pub(super) fn length(body: &impl MessageBody) -> Option<usize> {
    match body.size() {
        BodySize::Sized(bytes) => Some(usize::try_from(bytes).unwrap_or(usize::MAX)),
        BodySize::None | BodySize::Stream => None,
    }
}

impl<B> Answer<B> {
    pub(super) fn new(
        body: B,
        request: Option<idle::Request>,
        held: Option<unread::Bytes>,
    ) -> Self {
        Self { body: Box::pin(body), rest: Bytes::new(), _request: request, _held: held }
    }
}

impl<B: MessageBody> MessageBody for Answer<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, B::Error>>> {
        if self.rest.is_empty() {
            match ready!(self.body.as_mut().poll_next(context)) {
                Some(Ok(bytes)) => self.rest = bytes,
                other => return Poll::Ready(other),
            }
        }
        let most = self.rest.len().min(PIECE);
        Poll::Ready(Some(Ok(self.rest.split_to(most))))
    }
}
