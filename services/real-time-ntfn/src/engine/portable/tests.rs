use std::{
    collections::VecDeque,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use actix_web::body::MessageBody;
use common::{Audience, event::SessionEnded, internal::UserRef};
use futures_util::{FutureExt, future::poll_fn};

use super::*;
use crate::{
    config::{Backlog, RingLimits},
    event::{
        ring::Entry,
        scope::{Scope, Session},
    },
    hub::{Arrival, Hub},
    metrics::Metrics,
    opening::admission::Admission,
    people::delivery::Delivery,
};

const BACKLOG: Backlog = Backlog { events: 100, bytes: 1 << 20 };

fn hub() -> (Hub, Metrics) {
    let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
    let ring = RingLimits { events: 100, bytes: 1 << 20 };
    (Hub::new(ring, BACKLOG, metrics.clone(), None), metrics)
}

fn session(expires_at: Option<u64>) -> Session {
    Session {
        user: UserRef { name: "Alice".to_owned(), key: "alice".to_owned() },
        authenticated: true,
        expires_at,
        epoch: 3,
        acknowledges: false,
    }
}

fn stream(hub: &(Hub, Metrics), session: Session, delivery: &Delivery) -> Stream {
    arriving(hub, session, delivery, hub.0.expect())
}

fn arriving(
    (hub, metrics): &(Hub, Metrics),
    session: Session,
    delivery: &Delivery,
    arrival: Arrival,
) -> Stream {
    let scope = Scope::new(["public".to_owned()], Some(session));
    let new = NewStream {
        preface: VecDeque::from([Frame::new(b"hello")]),
        preface_up_to: EventId::from_micros(5),
        subscriber: hub.subscribe(hub.head(), scope).unwrap().arriving(arrival),
        permit: Admission::new(10, 0, 1_000, false).admit([127, 0, 0, 1].into()).ok().unwrap(),
        client_id: "test".to_owned(),
        heartbeat: Duration::from_secs(1_000_000),
        talk: None,
        delivery: delivery.clone(),
        metrics: metrics.clone(),
    };
    Stream::new(new, None)
}

fn to_alice(number: u64) -> Entry {
    let audience = Audience::Users(vec!["alice".to_owned()]);
    let text = Bytes::from_static(b"private");
    Entry::new(EventId::from_micros(number), audience, Frame::new(&text), text)
}

/// All that the stream says now, and whether it then ends.
fn said(stream: &mut Stream) -> (String, bool) {
    let mut all = String::new();
    loop {
        let next = poll_fn(|context| Pin::new(&mut *stream).poll_next(context)).now_or_never();
        match next {
            Some(Some(Ok(bytes))) => all.push_str(str::from_utf8(&bytes).unwrap()),
            Some(None) => return (all, true),
            Some(Some(Err(never))) => match never {},
            None => return (all, false),
        }
    }
}

#[tokio::test]
async fn a_session_that_ends_ends_its_stream() {
    let hub = hub();
    let mut stream = stream(&hub, session(None), &Delivery::default());
    let arrival = hub.0.expect();
    let ended =
        |epoch| SessionEnded { user: "alice".to_owned(), epoch, reason: "signed_out".to_owned() };
    hub.0.end_sessions(&ended(3));
    assert_eq!(said(&mut stream), ("hello".to_owned(), false));
    hub.0.end_sessions(&ended(4));
    let (text, is_over) = said(&mut stream);
    assert!(is_over && text.contains("event: reauth\n") && text.contains("signed_out"), "{text}");
    // One that was on its way meanwhile ends, too.
    let mut late = arriving(&hub, session(None), &Delivery::default(), arrival);
    assert!(said(&mut late).1);
}

#[tokio::test]
async fn a_session_that_runs_out_ends_its_stream() {
    let hub = hub();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let mut lasting = stream(&hub, session(Some(now + 3_600)), &Delivery::default());
    assert_eq!(said(&mut lasting), ("hello".to_owned(), false));
    let mut expired = stream(&hub, session(Some(now)), &Delivery::default());
    let mut text = String::new();
    while let Some(Ok(bytes)) = poll_fn(|context| Pin::new(&mut expired).poll_next(context)).await {
        text.push_str(str::from_utf8(&bytes).unwrap());
    }
    assert!(text.contains("expired"), "{text}");
}

#[tokio::test]
async fn what_was_taken_before_two_heartbeats_is_noted() {
    let (hub, delivery) = (hub(), Delivery::default());
    let mut stream = stream(&hub, session(None), &delivery);
    assert_eq!(said(&mut stream), ("hello".to_owned(), false));
    hub.0.publish([to_alice(6)]).await;
    assert_eq!(said(&mut stream), ("private".to_owned(), false));
    let mut mine = to_alice(7);
    mine.origin = Some(stream.given.subscriber.id());
    hub.0.publish([mine]).await;
    assert_eq!(said(&mut stream), (String::new(), false), "it has been told in another way");
    for _ in 0..2 {
        beat(&mut stream).await;
        assert!(delivery.take().is_empty());
    }
    beat(&mut stream).await;
    assert_eq!(delivery.take()[0].up_to.micros(), 6);
}

/// Has it write a heartbeat now, and no other one soon.
async fn beat(stream: &mut Stream) {
    stream.timer.as_mut().reset(TokioInstant::now());
    while !said(stream).0.contains("heartbeat") {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_stream_that_always_has_something_to_send_ends_all_the_same() {
    let hub = hub();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let mut expired = stream(&hub, session(Some(now)), &Delivery::default());
    let deadline = Instant::now() + Duration::from_secs(120);
    let mut text = String::new();
    for number in 6.. {
        hub.0.publish([to_alice(number)]).await;
        // Timers run while a task waits.
        tokio::task::yield_now().await;
        match poll_fn(|context| Pin::new(&mut expired).poll_next(context)).await {
            Some(Ok(bytes)) => text.push_str(str::from_utf8(&bytes).unwrap()),
            _ => break,
        }
        assert!(Instant::now() < deadline, "it goes on and on");
    }
    assert!(text.contains("expired"), "{text}");
}
