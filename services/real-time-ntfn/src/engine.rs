//! Where a stream is run: the last step of a request for one.
//!
//! The route decides that there is a stream, and what it begins with; it puts an [`Opening`] into
//! its response. All middleware adds its headers to that. Then [`run_stream`], the outermost one,
//! writes the head on a copy of the socket, gives it to a shard, and makes actix let go of its own:
//! no response body, no write buffer, no task remain. Where that cannot be, the stream becomes an
//! ordinary response body.

use std::{any::Any, cell::Cell, io, net::TcpStream, pin::Pin, task, task::Poll};

use actix_web::{
    Error, HttpResponse,
    body::{BodySize, BoxBody, MessageBody},
    dev::{Extensions, ServiceRequest, ServiceResponse},
    http::{
        Version,
        header::{self, HeaderName},
    },
    middleware::Next,
    rt,
};
use bytes::Bytes;
use jiff::{Timestamp, fmt::rfc2822::DateTimePrinter};

use crate::portable::{self, Opening};

/// Neither stored nor transformed on the way: compression would buffer.
pub const NO_STORE: (HeaderName, &str) = (header::CACHE_CONTROL, "no-store, no-transform");

/// The response to a request for a stream, for [`run_stream`] to run.
pub fn respond(opening: Opening) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::CONTENT_TYPE, "text/event-stream"))
        .insert_header(NO_STORE)
        // Proxies that buffer would hold events back.
        .insert_header(("x-accel-buffering", "no"));
    response.extensions_mut().insert(opening);
    response.finish()
}

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

/// Middleware, and the outermost: runs the stream that a response asks for.
pub async fn run_stream(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if let Some(carrier) = request.conn_data::<Carrier>() {
        carrier.requests.set(carrier.requests.get() + 1);
    }
    let mut response = next.call(request).await?.map_into_boxed_body();
    let opening = response.response_mut().extensions_mut().remove::<Opening>();
    let Some(opening) = opening else {
        return Ok(response);
    };
    if opening.subscriber.can_be_handed_over()
        && let Ok(socket) = copy_socket(&response)
    {
        let Opening { mut preface, subscriber, permit, client_id, .. } = opening;
        preface.push_front(head(response.response()));
        subscriber.hand_over(socket, preface, permit, client_id);
        return Ok(response.map_body(|_, _| BoxBody::new(LetGo)));
    }
    if response.request().version() < Version::HTTP_11 {
        // HTTP/1.0 knows no chunks: the stream ends with the connection.
        let head = response.response_mut().head_mut();
        head.no_chunking(true);
        head.set_connection_type(actix_web::http::ConnectionType::Close);
    }
    Ok(response.map_body(|_, _| portable::body(opening)))
}

/// A second descriptor of the connection that a response belongs to.
///
/// Only of a connection that carries its first request: after another one, the answer to that may
/// still be in actix's buffer, and would be lost with it.
#[cfg(unix)]
fn copy_socket(response: &ServiceResponse) -> io::Result<TcpStream> {
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
fn copy_socket(_: &ServiceResponse) -> io::Result<TcpStream> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The head of the response, as actix would write it, for a body that ends with the connection.
fn head(response: &HttpResponse) -> Bytes {
    let mut head = Vec::with_capacity(512);
    head.extend_from_slice(b"HTTP/1.1 200 OK\r\nconnection: close\r\ndate: ");
    let now = DateTimePrinter::new().timestamp_to_rfc9110_string(&Timestamp::now());
    head.extend_from_slice(now.unwrap_or_default().as_bytes());
    for (name, value) in response.headers() {
        head.extend_from_slice(b"\r\n");
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
    }
    head.extend_from_slice(b"\r\n\r\n");
    head.into()
}

/// A body that fails when it is first asked for anything: actix then drops the connection without
/// shutting the socket down, which lives on in its copy.
struct LetGo;

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
