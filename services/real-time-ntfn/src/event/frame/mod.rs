//! Frames: an event is encoded once, and the bytes are shared by all who receive it.
//!
//! Those of server-sent events are here, the other formats in modules of their own.

pub mod chat;
pub mod ws;

use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web_lab::sse::{Data, Event as SseEvent, Sse};
use bytes::Bytes;
use common::{Event, EventId, event::MESSAGE};
use futures_util::{FutureExt, future, stream};
use jiff::Timestamp;
use rand::RngExt;
use serde_json::json;

/// Retry times are spread over this range, in milliseconds, so that clients which lost their
/// streams together do not return together.
const RETRY_MILLIS: std::ops::RangeInclusive<u64> = 1_500..=4_500;

/// Encodes an event of the log.
pub fn durable(event: &Event) -> Bytes {
    of_log(event.id, &event.kind, event.data.get())
}

/// Encodes an event of the log: its id, its type, its JSON.
pub fn of_log(id: EventId, kind: &str, json: &str) -> Bytes {
    let data = Data::new(json).id(id.to_string());
    encode(if kind == MESSAGE { data } else { data.event(kind) })
}

/// Encodes something that is not in the log: it has no id, so it never moves a client's cursor.
pub fn transient(name: &str, data: &str) -> Bytes {
    let data = Data::new(data);
    encode(if name == MESSAGE { data } else { data.event(name) })
}

/// What every stream begins with: a retry time of its own, and its cursor.
///
/// The block has no data, so nothing is dispatched; but a browser remembers the id, and one that
/// loses the stream before the first message still returns with a cursor.
pub fn opening(cursor: EventId) -> Bytes {
    Bytes::from(format!("retry: {}\nid: {cursor}\n\n", retry().as_millis()))
}

/// A cursor and nothing else: nothing is dispatched, but a browser returns with it.
pub fn cursor(cursor: EventId) -> Bytes {
    Bytes::from(format!("id: {cursor}\n\n"))
}

/// What a stream ends with: a new retry time.
pub fn closing() -> Bytes {
    Bytes::from(format!("retry: {}\n\n", retry().as_millis()))
}

/// Tells a client to come back later. A browser would take any status but 200 as final.
pub fn busy(reason: &str) -> Bytes {
    let retry = retry().as_millis();
    let data = json!({"type": "busy", "reason": reason, "retry": retry as u64});
    let busy = transient("busy", &data.to_string());
    Bytes::from([format!("retry: {retry}\n\n").as_bytes(), &busy].concat())
}

/// Tells a client that the connection still works.
pub fn heartbeat() -> Bytes {
    let time = format!("{:.0}", Timestamp::now());
    transient("heartbeat", &json!({"type": "heartbeat", "time": time}).to_string())
}

fn retry() -> Duration {
    Duration::from_millis(rand::rng().random_range(RETRY_MILLIS))
}

fn encode(data: Data) -> Bytes {
    let events = stream::iter([SseEvent::Data(data)]);
    let mut body = std::pin::pin!(Sse::from_infallible_stream(events));
    // The stream has its one event at hand, so the body is ready at once. It refuses only line
    // breaks in an id or a name, and ours have none.
    future::poll_fn(|context| body.as_mut().poll_next(context))
        .now_or_never()
        .flatten()
        .and_then(Result::ok)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use common::Audience;
    use serde_json::value::RawValue;

    use super::*;

    #[test]
    fn frames_have_the_form_of_the_contract() {
        let event = |kind: &str| Event {
            id: "20240101120000.123456".parse().unwrap(),
            kind: kind.to_owned(),
            audience: Audience::Room("public".to_owned()),
            data: RawValue::from_string("{\"a\":1}".to_owned()).unwrap().into(),
            origin: None,
        };
        let text = |bytes: Bytes| String::from_utf8(bytes.to_vec()).unwrap();
        let message = text(durable(&event("message")));
        assert_eq!(message, "id: 20240101120000.123456\ndata: {\"a\":1}\n\n");
        let member = text(durable(&event("member")));
        let mut lines: Vec<_> = member.trim_end().lines().collect();
        lines.sort_unstable();
        assert_eq!(lines, ["data: {\"a\":1}", "event: member", "id: 20240101120000.123456"]);
        assert!(text(heartbeat()).starts_with("event: heartbeat\ndata: {"));
        assert!(text(opening(EventId::ZERO)).ends_with("\nid: 19700101000000.000000\n\n"));
        let busy = text(busy("full"));
        assert!(busy.starts_with("retry: ") && busy.contains("\n\nevent: busy\ndata: {"), "{busy}");
    }
}
