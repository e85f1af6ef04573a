//! [`Head`]: of a response that actix does not write, as it would.

use std::mem;

use actix_web::{
    HttpResponse,
    dev::ServiceResponse,
    http::{
        StatusCode, Version,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
};
use bytes::Bytes;
use jiff::{Timestamp, fmt::rfc2822::DateTimePrinter};

use crate::event::frame::Framing;

/// Headers of a stream, which another answer in its place does not have. All others are of the service.
const OF_STREAMS: [HeaderName; 6] = [
    header::CONTENT_TYPE,
    header::CACHE_CONTROL,
    header::CONNECTION,
    header::UPGRADE,
    header::SEC_WEBSOCKET_ACCEPT,
    super::ACCEL_BUFFERING,
];

/// The head of a stream's response, and what any other would have of it.
pub(super) struct Head {
    is_upgrade: bool,
    /// What HTTP puts around the frames behind it.
    pub(super) framing: Framing,
    headers: HeaderMap,
}

impl Head {
    /// Takes that of a response which middleware is done with, and which nobody will write.
    pub(super) fn take<B>(response: &mut ServiceResponse<B>) -> Self {
        let is_upgrade = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        // HTTP/1.0 knows no chunks, and a WebSocket has frames of its own.
        let is_bare = is_upgrade || response.request().version() < Version::HTTP_11;
        let framing = if is_bare { Framing::Bare } else { Framing::Chunked };
        Self { is_upgrade, framing, headers: mem::take(response.headers_mut()) }
    }

    pub(super) fn status(&self) -> StatusCode {
        if self.is_upgrade { StatusCode::SWITCHING_PROTOCOLS } else { StatusCode::OK }
    }

    /// Of a stream; the connection ends with it.
    pub(super) fn bytes(&self) -> Bytes {
        let status = if self.is_upgrade {
            "101 Switching Protocols\r\nconnection: Upgrade"
        } else {
            "200 OK\r\nconnection: close"
        };
        let mut head = begin(status);
        if self.framing == Framing::Chunked {
            head.extend_from_slice(b"\r\ntransfer-encoding: chunked");
        }
        add(&mut head, self.headers.iter());
        head.extend_from_slice(b"\r\n\r\n");
        head.into()
    }

    /// Gives an answer in the place of the stream the headers that all answers have.
    pub(super) fn complete(&self, answer: &mut HttpResponse) {
        for (name, value) in self.headers.iter().filter(|(name, _)| !OF_STREAMS.contains(name)) {
            answer.headers_mut().append(name.clone(), value.clone());
        }
    }
}

/// The whole of an answer whose body is there; the connection ends with it.
pub(super) fn whole(answer: HttpResponse) -> Bytes {
    let status = answer.status();
    let reason = status.canonical_reason().unwrap_or_default();
    let mut bytes = begin(&format!("{} {reason}\r\nconnection: close", status.as_str()));
    let is_repeated =
        |name: &HeaderName| [header::CONNECTION, header::CONTENT_LENGTH].contains(name);
    add(&mut bytes, answer.headers().iter().filter(|(name, _)| !is_repeated(name)));
    let body = actix_web::body::MessageBody::try_into_bytes(answer.into_body()).unwrap_or_default();
    bytes.extend_from_slice(format!("\r\ncontent-length: {}\r\n\r\n", body.len()).as_bytes());
    bytes.extend_from_slice(&body);
    bytes.into()
}

fn begin(status: &str) -> Vec<u8> {
    let mut head = Vec::with_capacity(512);
    let now = DateTimePrinter::new().timestamp_to_rfc9110_string(&Timestamp::now());
    for part in ["HTTP/1.1 ", status, "\r\ndate: ", &now.unwrap_or_default()] {
        head.extend_from_slice(part.as_bytes());
    }
    head
}

fn add<'a>(head: &mut Vec<u8>, headers: impl Iterator<Item = (&'a HeaderName, &'a HeaderValue)>) {
    for (name, value) in headers {
        for part in [b"\r\n", name.as_str().as_bytes(), b": ", value.as_bytes()] {
            head.extend_from_slice(part);
        }
    }
}
