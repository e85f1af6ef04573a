//! Where a stream is run: the last step of a request for one.
//!
//! The route decides that there is a stream, and what it begins with; it puts a [`NewStream`] into
//! its response. All middleware adds its headers to that. Then [`Engine::run_stream`], the outermost one,
//! writes the head on a copy of the socket, gives it to a shard, and makes actix let go of its own:
//! no response body, no write buffer, no task remain. Where that cannot be, the stream becomes an
//! ordinary response body.

mod new_stream;
pub mod portable;
pub mod shard;

use std::{
    any::Any, cell::Cell, convert::Infallible, io, iter, net::TcpStream, pin::Pin, sync::Arc, task,
    task::Poll,
};

use actix_http::{
    ResponseBuilder,
    ws::{HandshakeError, handshake},
};
use actix_web::{
    Error, HttpRequest, HttpResponse,
    body::{BodySize, BodyStream, BoxBody, MessageBody},
    dev::{Extensions, ServiceRequest, ServiceResponse},
    http::{
        StatusCode, Version,
        header::{self, HeaderName, HeaderValue},
    },
    middleware::Next,
    rt,
};
use bytes::Bytes;
use futures_util::stream;
use http_kit::{Rejection, connections};
use jiff::{Timestamp, fmt::rfc2822::DateTimePrinter};

use crate::{config::StreamEngine, event::frame::Framing, hub::Follower, ws::close::Ending};
pub use new_stream::{Conversation, NewStream};
use shard::{HandOver, Settings, Shards};

/// Neither stored nor transformed on the way: compression would buffer.
pub const NO_STORE: (HeaderName, &str) = (header::CACHE_CONTROL, "no-store, no-transform");

/// What a stream is. Without the charset some libraries take it for ISO-8859-1, as older rules for
/// text have it.
pub const EVENT_STREAM: (HeaderName, &str) =
    (header::CONTENT_TYPE, "text/event-stream; charset=utf-8");

/// The response to a request for a stream, for [`Engine::run_stream`] to run.
pub fn respond(stream: NewStream) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response
        .insert_header(EVENT_STREAM)
        .insert_header(NO_STORE)
        // Proxies that buffer would hold events back.
        .insert_header(("x-accel-buffering", "no"));
    response.extensions_mut().insert(stream);
    response.finish()
}

/// The response to a WebSocket's handshake, for [`Engine::run_stream`] to run.
pub fn respond_socket(request: &HttpRequest, stream: NewStream) -> Result<HttpResponse, Rejection> {
    let mut response = HttpResponse::from(shake_hands(request)?.finish().map_into_boxed_body());
    response.extensions_mut().insert(stream);
    Ok(response)
}

/// The response to a WebSocket's handshake that is followed by a goodbye only. A browser would
/// tell its page nothing of any other answer.
pub fn respond_goodbye(request: &HttpRequest, ending: Ending) -> Result<HttpResponse, Rejection> {
    let goodbye = ending.frame().share(Framing::Bare);
    let body = stream::iter([Ok::<_, Infallible>(goodbye)]);
    let response = shake_hands(request)?.message_body(BoxBody::new(BodyStream::new(body)));
    response.map(HttpResponse::from).map_err(|_| {
        Rejection::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "please try again")
    })
}

/// Refuses what is no handshake.
pub fn check_handshake(request: &HttpRequest) -> Result<(), Rejection> {
    shake_hands(request).map(drop)
}

fn shake_hands(request: &HttpRequest) -> Result<ResponseBuilder, Rejection> {
    handshake(request.head()).map_err(|error| {
        let (status, headers): (_, &[_]) = match error {
            HandshakeError::UnsupportedVersion | HandshakeError::NoVersionHeader => {
                (StatusCode::UPGRADE_REQUIRED, &[(header::SEC_WEBSOCKET_VERSION, "13")])
            }
            _ => (StatusCode::BAD_REQUEST, &[]),
        };
        let upgrade = (header::UPGRADE, "websocket");
        headers.iter().chain([&upgrade]).fold(
            Rejection::new(status, "websocket_expected", format!("this is for WebSocket: {error}")),
            |rejection, (name, value)| {
                rejection.with_header(name.clone(), HeaderValue::from_static(value))
            },
        )
    })
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

/// Where streams are run. Clones run them in the same place.
#[derive(Clone)]
pub struct Engine {
    shards: Option<Arc<Shards>>,
}

impl Engine {
    /// Starts shards, unless all streams are to take the portable path.
    pub fn start(choice: StreamEngine, settings: &Settings) -> io::Result<Self> {
        let shards = match choice {
            StreamEngine::Handover => Some(Arc::new(Shards::start(settings)?)),
            StreamEngine::Portable => None,
        };
        Ok(Self { shards })
    }

    /// Who has to be told all that the hub is told.
    pub fn follower(&self) -> Option<Arc<dyn Follower>> {
        self.shards.clone().map(|shards| shards as _)
    }

    /// Middleware, and the outermost: runs the stream that a response asks for.
    pub async fn run_stream(
        self,
        request: ServiceRequest,
        next: Next<impl MessageBody + 'static>,
    ) -> Result<ServiceResponse<BoxBody>, Error> {
        if let Some(carrier) = request.conn_data::<Carrier>() {
            carrier.requests.set(carrier.requests.get() + 1);
        }
        let mut response = next.call(request).await?.map_into_boxed_body();
        let stream = response.response_mut().extensions_mut().remove::<NewStream>();
        let Some(stream) = stream else {
            return Ok(response);
        };
        if let Some(shards) = self.shards.filter(|shards| shards.is_alive())
            && let Ok(socket) = copy_socket(&response)
        {
            let NewStream { preface, preface_up_to, subscriber, permit, client_id, talk, .. } =
                stream;
            let framing = framing(&response);
            let frames = preface.iter().map(|frame| frame.share(framing));
            let preface = iter::once(head(response.response(), framing)).chain(frames).collect();
            let talk = talk.map(|talk| talk.talk);
            let permit = permit.on(connections::place_of(response.request()));
            let with =
                HandOver { socket, preface, framing, preface_up_to, permit, client_id, talk };
            shards.take_over(subscriber, with);
            return Ok(response.map_body(|_, _| BoxBody::new(LetGo)));
        }
        if response.request().version() < Version::HTTP_11 {
            // HTTP/1.0 knows no chunks: the stream ends with the connection.
            let head = response.response_mut().head_mut();
            head.no_chunking(true);
            head.set_connection_type(actix_web::http::ConnectionType::Close);
        }
        Ok(response.map_body(|_, _| portable::body(stream)))
    }
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

/// What goes around the frames of a stream. HTTP/1.0 knows no chunks, and a WebSocket has frames of
/// its own.
fn framing(response: &ServiceResponse) -> Framing {
    let is_upgrade = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    if is_upgrade || response.request().version() < Version::HTTP_11 {
        Framing::Bare
    } else {
        Framing::Chunked
    }
}

/// The head of the response, as actix would write it; the connection ends with the stream.
fn head(response: &HttpResponse, framing: Framing) -> Bytes {
    let mut head = Vec::with_capacity(512);
    head.extend_from_slice(if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        b"HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\ndate: "
    } else {
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ndate: "
    });
    let now = DateTimePrinter::new().timestamp_to_rfc9110_string(&Timestamp::now());
    head.extend_from_slice(now.unwrap_or_default().as_bytes());
    if framing == Framing::Chunked {
        head.extend_from_slice(b"\r\ntransfer-encoding: chunked");
    }
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
