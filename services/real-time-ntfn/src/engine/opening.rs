//! [`Opening`]: a stream that is to begin, or why it does not.

use std::{
    convert::Infallible,
    io::Write,
    net::{Shutdown, TcpStream},
    time::Duration,
};

use actix_web::{
    HttpResponse,
    body::{BodyStream, BoxBody},
    dev::{Extensions, Payload, ServiceResponse},
    http::StatusCode,
};
use bytes::Bytes;
use futures_util::{
    FutureExt,
    future::{self, LocalBoxFuture},
    stream,
};
use http_kit::{connections::mark_held, operations::Later};
use tokio::{io::AsyncReadExt, time::timeout};

use super::{
    NewStream,
    head::{self, Head},
};
use crate::{event::frame::Framing, ws::close::Ending};

/// How long a client that was refused may take to end its connection.
const LAST_WORD: Duration = Duration::from_secs(1);

/// Ends with a stream, or with what its client is told instead.
pub(super) type Begins = LocalBoxFuture<'static, Result<NewStream, NoStream>>;

/// A stream that is to begin: who it is for may have to be asked, and what it begins with.
pub struct Opening {
    pub(super) begins: Begins,
    /// What the client of a WebSocket sends.
    pub(super) payload: Option<Payload>,
    /// Where it is said how it went.
    pub(super) record: Later,
}

/// What a client is told that gets no stream.
pub enum NoStream {
    /// A whole answer.
    Answer(HttpResponse),
    /// After the handshake of a WebSocket, why it ends: a browser would tell its page nothing of any
    /// other answer.
    Goodbye(Ending),
}

impl Opening {
    /// A stream that begins when this is over.
    pub fn new(begins: impl Future<Output = Result<NewStream, NoStream>> + 'static) -> Self {
        Self { begins: begins.boxed_local(), payload: None, record: Later::default() }
    }

    /// A stream that begins at once.
    pub fn of(stream: NewStream) -> Self {
        Self::new(future::ready(Ok(stream)))
    }

    /// The same over a WebSocket, whose client sends this.
    pub fn with(mut self, payload: Payload) -> Self {
        self.payload = Some(payload);
        self
    }

    /// Asks whoever runs streams for it, with a response; and whoever records requests to wait.
    pub(super) fn put_into(self, extensions: &mut Extensions) {
        extensions.insert(self.record.clone());
        extensions.insert(self);
    }
}

impl NoStream {
    /// As one that nobody holds back any further.
    pub fn held(mut self) -> Self {
        if let Self::Answer(answer) = &mut self {
            mark_held(answer);
        }
        self
    }

    /// The status of it.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Answer(answer) => answer.status(),
            Self::Goodbye(_) => StatusCode::SWITCHING_PROTOCOLS,
        }
    }

    /// Has actix answer so.
    pub(super) fn answer(self, mut stream: ServiceResponse) -> ServiceResponse {
        match self {
            Self::Answer(mut answer) => {
                Head::take(&mut stream).complete(&mut answer);
                stream.into_response(answer)
            }
            Self::Goodbye(ending) => {
                let goodbye = Ok::<_, Infallible>(ending.frame().share(Framing::Bare));
                let body = BoxBody::new(BodyStream::new(stream::iter([goodbye])));
                stream.map_body(|_, _| body)
            }
        }
    }

    /// Answers so over a socket that is nobody else's, and ends it. It has taken nothing yet, so all of
    /// this has room: a socket that does not take it is one whose client has gone.
    pub(super) async fn write(self, mut socket: TcpStream, head: &Head) {
        let bytes: Bytes = match self {
            Self::Answer(mut answer) => {
                head.complete(&mut answer);
                head::whole(answer)
            }
            Self::Goodbye(ending) => {
                [head.bytes(), ending.frame().share(Framing::Bare)].concat().into()
            }
        };
        if socket.write_all(&bytes).and_then(|()| socket.shutdown(Shutdown::Write)).is_ok() {
            // Closed while the client still sends something, it would lose what it has not read.
            timeout(LAST_WORD, hung_up(socket)).await.ok();
        }
    }
}

/// Reads what nobody needs until the client hangs up.
async fn hung_up(socket: TcpStream) {
    let mut rest = [0; 256];
    if let Ok(mut socket) = tokio::net::TcpStream::from_std(socket) {
        while matches!(socket.read(&mut rest).await, Ok(1..)) {}
    }
}
