//! Frames: an event is encoded once, and the bytes are shared by all who receive it.
//!
//! Those of server-sent events are here, the other formats in modules of their own. Every block of
//! a stream has data: several libraries hand one that has none to programs, as an empty message.

mod block;
pub mod chat;
mod framing;
pub mod ws;

use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web_lab::sse::{Data, Event as SseEvent, Sse};
use bytes::Bytes;
use common::{Event, EventId, event::MESSAGE};
use futures_util::{FutureExt, future, stream};
use jiff::Timestamp;
use rand::RngExt;
use serde_json::{Value, json};

pub use block::{Block, pack};
pub use framing::{Frame, Framing};

/// Retry times are spread over this range, in milliseconds, so that clients which lost their
/// streams together do not return together.
const RETRY_MILLIS: std::ops::RangeInclusive<u64> = 1_500..=4_500;

/// Encodes an event of the log.
pub fn durable(event: &Event) -> Frame {
    of_log(event.id, &event.kind, event.data.get())
}

/// Encodes an event of the log: its id, its type, its JSON.
pub fn of_log(id: EventId, kind: &str, json: &str) -> Frame {
    Frame::new(&encode(named(kind, json).id(id.to_string())))
}

/// Encodes something that is not in the log: it has no id, so it never moves a client's cursor.
pub fn transient(name: &str, json: &str) -> Frame {
    Frame::new(&encode(named(name, json)))
}

/// Encodes what a client is told of its stream. With a cursor, that is what it returns with from
/// now on; with a retry time, that is how long it waits before it does.
pub fn about_stream(
    name: &str,
    json: &Value,
    cursor: Option<EventId>,
    retry: Option<Duration>,
) -> Frame {
    let data = named(name, &json.to_string());
    let block = encode(match cursor {
        Some(cursor) => data.id(cursor.to_string()),
        None => data,
    });
    match retry {
        Some(retry) => {
            Frame::new(&[format!("retry: {}\n", retry.as_millis()).as_bytes(), &block].concat())
        }
        None => Frame::new(&block),
    }
}

/// Tells a client to come back later. A browser would take any status but 200 as final.
pub fn busy(reason: &str) -> Bytes {
    let retry = retry();
    let data = json!({"type": "busy", "reason": reason, "retry": retry.as_millis() as u64});
    about_stream("busy", &data, None, Some(retry)).share(Framing::Bare)
}

/// Tells a client that the connection still works.
pub fn heartbeat() -> Frame {
    let time = format!("{:.0}", Timestamp::now());
    transient("heartbeat", &json!({"type": "heartbeat", "time": time}).to_string())
}

/// How long a client waits before it returns, each for a time of its own.
pub fn retry() -> Duration {
    Duration::from_millis(rand::rng().random_range(RETRY_MILLIS))
}

fn named(name: &str, json: &str) -> Data {
    let data = Data::new(json);
    if name == MESSAGE { data } else { data.event(name) }
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
            audience: Audience::Room("public".to_owned()).into(),
            data: RawValue::from_string("{\"a\":1}".to_owned()).unwrap().into(),
            origin: None,
        };
        let text = |frame: Frame| String::from_utf8(frame.bytes(Framing::Bare).to_vec()).unwrap();
        let message = text(durable(&event("message")));
        assert_eq!(message, "id: 20240101120000.123456\ndata: {\"a\":1}\n\n");
        let member = text(durable(&event("member")));
        let mut lines: Vec<_> = member.trim_end().lines().collect();
        lines.sort_unstable();
        assert_eq!(lines, ["data: {\"a\":1}", "event: member", "id: 20240101120000.123456"]);
        assert!(text(heartbeat()).starts_with("event: heartbeat\ndata: {"));
        let retry = Some(Duration::from_millis(2_741));
        let ready = text(about_stream("ready", &json!({"a": 1}), Some(EventId::ZERO), retry));
        let mut lines: Vec<_> = ready.trim_end().lines().collect();
        lines.sort_unstable();
        let id = "id: 19700101000000.000000";
        assert_eq!(lines, ["data: {\"a\":1}", "event: ready", id, "retry: 2741"]);
        let busy = String::from_utf8(busy("full").to_vec()).unwrap();
        assert!(busy.starts_with("retry: ") && busy.contains("\nevent: busy\ndata: {"), "{busy}");
        assert_eq!(busy.matches("\n\n").count(), 1, "{busy}");
    }
}
