//! Where a stream is run: the last step of a request for one.
//!
//! The route puts an [`Opening`] into its response, which ends with a [`NewStream`] or with a refusal. All
//! middleware adds its headers to that. Then [`Engine::run_stream`], the outermost one, makes actix let go
//! of the socket: no request, no read or write buffer, no response body remain while it is found out who
//! the stream is for, and when it runs. The head is written on a copy of the socket, and that is given to
//! a shard. Where that cannot be, the stream becomes an ordinary response body.

mod carrier;
mod head;
mod new_stream;
mod opening;
pub mod portable;
pub mod shard;

use std::{io, iter, sync::Arc, time::Duration};

use actix_http::{
    ResponseBuilder,
    ws::{HandshakeError, handshake},
};
use actix_web::{
    Error, HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::{
        StatusCode, Version,
        header::{self, HeaderName, HeaderValue},
    },
    middleware::Next,
    rt,
};
use futures_util::future::poll_immediate;
use http_kit::{
    Rejection,
    connections::{self, Place},
    operations::Later,
};
use tokio::{io::Interest, net::TcpStream, time::sleep};
use tokio_util::task::TaskTracker;

use crate::{config::StreamEngine, hub::Follower};
pub use carrier::remember;
use carrier::{LetGo, copy_socket};
use head::Head;
pub use new_stream::NewStream;
use opening::Begins;
pub use opening::{NoStream, Opening};
use shard::{HandOver, Settings, Shards};

/// Neither stored nor transformed on the way: compression would buffer.
pub const NO_STORE: (HeaderName, &str) = (header::CACHE_CONTROL, "no-store, no-transform");

/// What a stream is. Without the charset some libraries take it for ISO-8859-1, as older rules for
/// text have it.
pub const EVENT_STREAM: (HeaderName, &str) =
    (header::CONTENT_TYPE, "text/event-stream; charset=utf-8");

/// Proxies that buffer would hold events back.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The response to a request for a stream, for [`Engine::run_stream`] to run.
pub fn respond(opening: Opening) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response
        .insert_header(EVENT_STREAM)
        .insert_header(NO_STORE)
        .insert_header((ACCEL_BUFFERING, "no"));
    opening.put_into(&mut response.extensions_mut());
    response.finish()
}

/// The response to a WebSocket's handshake, for [`Engine::run_stream`] to run.
pub fn respond_socket(
    request: &HttpRequest,
    payload: Payload,
    opening: Opening,
) -> Result<HttpResponse, Rejection> {
    let mut response = HttpResponse::from(shake_hands(request)?.finish().map_into_boxed_body());
    opening.with(payload).put_into(&mut response.extensions_mut());
    Ok(response)
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

/// Where streams are run. Clones run them in the same place.
#[derive(Clone)]
pub struct Engine {
    shards: Option<Arc<Shards>>,
    /// What actix does not know of any more, and no shard yet.
    openings: TaskTracker,
}

impl Engine {
    /// Starts shards, unless all streams are to take the portable path.
    pub fn start(choice: StreamEngine, settings: &Settings) -> io::Result<Self> {
        let shards = match choice {
            StreamEngine::Handover => Some(Arc::new(Shards::start(settings)?)),
            StreamEngine::Portable => None,
        };
        Ok(Self { shards, openings: TaskTracker::new() })
    }

    /// Waits until nobody is being let in or refused; none may come any more.
    pub async fn settle(&self) {
        self.openings.close();
        self.openings.wait().await;
    }

    /// Who has to be told all that the hub is told.
    pub fn follower(&self) -> Option<Arc<dyn Follower>> {
        self.shards.clone().map(|shards| shards as _)
    }

    /// Middleware, around all that adds headers: runs the stream that a response asks for.
    pub async fn run_stream(
        self,
        request: ServiceRequest,
        next: Next<impl MessageBody + 'static>,
    ) -> Result<ServiceResponse<BoxBody>, Error> {
        carrier::count(&request);
        let mut response = next.call(request).await?.map_into_boxed_body();
        let opening = response.response_mut().extensions_mut().remove::<Opening>();
        let Some(Opening { begins, payload, record }) = opening else {
            return Ok(response);
        };
        if let Some(shards) = self.shards.filter(|shards| shards.is_alive())
            && let Ok(socket) = copy_socket(&response)
        {
            let place = connections::place_of(response.request());
            let head = Head::take(&mut response);
            // What the client of a WebSocket sends is read from its socket, not from the payload.
            let handed_over = hand_over(shards, begins, record, socket, head, place);
            rt::spawn(self.openings.track_future(handed_over));
            return Ok(response.map_body(|_, _| BoxBody::new(LetGo)));
        }
        let stream = match begins.await {
            Ok(stream) => stream,
            Err(refusal) => {
                record.end(refusal.status());
                return Ok(refusal.answer(response));
            }
        };
        record.end(response.status());
        if response.request().version() < Version::HTTP_11 {
            // HTTP/1.0 knows no chunks: the stream ends with the connection.
            let head = response.response_mut().head_mut();
            head.no_chunking(true);
            head.set_connection_type(actix_web::http::ConnectionType::Close);
        }
        Ok(response.map_body(|_, _| portable::body(stream, payload)))
    }
}

/// Waits for a stream to begin, and gives its socket to a shard, or tells the client why not. One that
/// hangs up meanwhile is not waited for.
async fn hand_over(
    shards: Arc<Shards>,
    mut begins: Begins,
    record: Later,
    socket: std::net::TcpStream,
    head: Head,
    place: Option<Place>,
) {
    let begun = match poll_immediate(&mut begins).await {
        Some(begun) => Ok((begun, socket)),
        None => wait(begins, socket).await,
    };
    match begun {
        Ok((Ok(stream), socket)) => {
            record.end(head.status());
            let NewStream { preface, preface_up_to, subscriber, permit, client_id, talk, .. } =
                stream;
            let framing = head.framing;
            let frames = preface.iter().map(|frame| frame.share(framing));
            let preface = iter::once(head.bytes()).chain(frames).collect();
            let permit = permit.on(place);
            let with =
                HandOver { socket, preface, framing, preface_up_to, permit, client_id, talk };
            shards.take_over(subscriber, with);
        }
        Ok((Err(refusal), socket)) => {
            record.end(refusal.status());
            refusal.write(socket, &head).await;
        }
        Err(Gone) => {}
    }
}

/// The client has hung up.
struct Gone;

/// Waits for something on behalf of a socket's client, and gives the socket back with it.
async fn wait<T>(
    work: impl Future<Output = T>,
    socket: std::net::TcpStream,
) -> Result<(T, std::net::TcpStream), Gone> {
    let socket = TcpStream::from_std(socket).map_err(|_| Gone)?;
    let done = tokio::select! {
        biased;
        done = work => done,
        () = gone(&socket) => return Err(Gone),
    };
    Ok((done, socket.into_std().map_err(|_| Gone)?))
}

/// Waits until the client hangs up. One that sends something is looked at every now and then.
async fn gone(socket: &TcpStream) {
    const LOOK: Duration = Duration::from_secs(1);
    while matches!(socket.peek(&mut [0]).await, Ok(1..))
        && socket.ready(Interest::READABLE).await.is_ok_and(|ready| !ready.is_read_closed())
    {
        sleep(LOOK).await;
    }
}
