//! [`Carrier`]: what is known of the connection that a request comes over, and a copy of its socket.

use std::{any::Any, cell::Cell, io, net::TcpStream, pin::Pin, task, task::Poll};

use actix_web::{
    body::{BodySize, MessageBody},
    dev::{Extensions, ServiceRequest, ServiceResponse},
    rt,
};
use bytes::Bytes;

/// What is known of a connection: its descriptor, and how many requests it has carried.
struct Carrier {
    #[cfg(unix)]
    descriptor: std::os::fd::RawFd,
    requests: Cell<u32>,
}

/// Notes a connection's descriptor; for `HttpServer::on_connect`.
pub fn remember(connection: &dyn Any, extensions: &mut Extensions) {
    #[cfg(unix)]
    if let Some(stream) = connection.downcast_ref::<rt::net::TcpStream>() {
        let descriptor = std::os::fd::AsRawFd::as_raw_fd(stream);
        extensions.insert(Carrier { descriptor, requests: Cell::new(0) });
    }
    #[cfg(not(unix))]
    let _ = (connection, extensions);
}

/// Counts a request of its connection.
pub(super) fn count(request: &ServiceRequest) {
    if let Some(carrier) = request.conn_data::<Carrier>() {
        carrier.requests.set(carrier.requests.get() + 1);
    }
}

/// A second descriptor of the connection that a response belongs to.
///
/// Only of a connection that carries its first request: after another one, the answer to that may
/// still be in actix's buffer, and would be lost with it.
#[cfg(unix)]
pub(super) fn copy_socket(response: &ServiceResponse) -> io::Result<TcpStream> {
    use std::os::fd::{BorrowedFd, OwnedFd};
    let carrier = response.request().conn_data::<Carrier>();
    let Some(carrier) = carrier.filter(|carrier| carrier.requests.get() == 1) else {
        return Err(io::ErrorKind::Unsupported.into());
    };
    #[expect(
        unsafe_code,
        reason = "the connection is open while its request is answered, on the thread that owns \
                  it, so the descriptor is its own and stays so until this function returns"
    )]
    let borrowed = unsafe { BorrowedFd::borrow_raw(carrier.descriptor) };
    let copy: OwnedFd = borrowed.try_clone_to_owned()?;
    // It shares actix's open file, which does not block.
    Ok(TcpStream::from(copy))
}

#[cfg(not(unix))]
pub(super) fn copy_socket(_: &ServiceResponse) -> io::Result<TcpStream> {
    Err(io::ErrorKind::Unsupported.into())
}

/// A body that fails when it is first asked for anything: actix then drops the connection without
/// shutting the socket down, which lives on in its copy.
pub(super) struct LetGo;

impl MessageBody for LetGo {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        self: Pin<&mut Self>,
        _: &mut task::Context<'_>,
    ) -> Poll<Option<Result<Bytes, io::Error>>> {
        Poll::Ready(Some(Err(io::Error::other("the socket was handed over"))))
    }
}
