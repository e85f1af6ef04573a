use common::event::PUBLIC_ROOM;
use futures_util::{FutureExt, task::noop_waker};

use super::*;
use crate::{
    config::RingLimits,
    event::{frame::Frame, ring::Entry},
    metrics::Metrics,
};

fn hub(backlog: Backlog) -> Hub {
    let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
    Hub::new(RingLimits { events: 100, bytes: 1 << 20 }, backlog, metrics, None)
}

fn entry(micros: u64, text: &str) -> Entry {
    let audience = Audience::Room(PUBLIC_ROOM.to_owned());
    let sse = Bytes::copy_from_slice(text.as_bytes());
    Entry::new(EventId::from_micros(micros), audience, Frame::bare(sse), Bytes::new())
}

fn publish<const N: usize>(hub: &Hub, entries: [Entry; N]) {
    hub.publish(entries).now_or_never().unwrap();
}

fn subscribe(hub: &Hub, cursor: u64) -> Subscriber {
    let cursor = EventId::from_micros(cursor).unwrap();
    hub.subscribe(cursor, Scope::public()).unwrap()
}

fn step(subscriber: &mut Subscriber) -> Poll<Step> {
    subscriber.poll_step(&Context::from_waker(&noop_waker()))
}

fn send(text: &'static str) -> Poll<Step> {
    Poll::Ready(Step::Send(Bytes::from_static(text.as_bytes())))
}

#[test]
fn a_stream_gets_what_lies_after_its_cursor_and_then_what_comes() {
    let hub = hub(Backlog { events: 10, bytes: 1_000 });
    publish(&hub, [entry(1, "a"), entry(2, "b"), entry(3, "c")]);
    let mut stream = subscribe(&hub, 1);
    assert_eq!(step(&mut stream), send("bc"));
    assert_eq!(step(&mut stream), Poll::Pending);
    publish(&hub, [entry(4, "d")]);
    assert_eq!(step(&mut stream), send("d"));
}

#[test]
fn what_is_not_in_the_log_is_not_replayed() {
    let hub = hub(Backlog { events: 10, bytes: 1_000 });
    let aside = |text| {
        let mut entry = entry(0, text);
        entry.id = None;
        entry
    };
    publish(&hub, [entry(1, "a"), aside("-"), entry(2, "b")]);
    let mut stream = subscribe(&hub, 0);
    publish(&hub, [aside("+")]);
    assert_eq!(step(&mut stream), send("ab+"));
}

#[test]
fn only_what_came_after_the_start_counts_as_backlog() {
    let hub = hub(Backlog { events: 2, bytes: 1_000 });
    hub.publish((1..=50).map(|at| entry(at, "x"))).now_or_never().unwrap();
    let mut stream = subscribe(&hub, 0);
    publish(&hub, [entry(51, "y"), entry(52, "z")]);
    let Poll::Ready(Step::Send(bytes)) = step(&mut stream) else { panic!("no replay") };
    assert_eq!(bytes.len(), 52);
    publish(&hub, [entry(53, "a"), entry(54, "b"), entry(55, "c")]);
    assert_eq!(step(&mut stream), Poll::Ready(Step::Lagged));
}

#[test]
fn those_whom_events_are_for_take_room_in_the_ring_but_once() {
    let crowd = |at: u64, first: usize| {
        let names = (first..first + 1_000).map(|n| n.to_string()).collect();
        let audience = Audience::Users(names);
        Entry::new(EventId::from_micros(at), audience, Frame::bare(Bytes::new()), Bytes::new())
    };
    let cursor = EventId::from_micros(1).unwrap();
    let hub = hub(Backlog { events: 10, bytes: 1_000 });
    hub.publish((1..=100).map(|at| crowd(at, 0))).now_or_never().unwrap();
    assert!(hub.subscribe(cursor, Scope::public()).is_some());
    hub.publish((101..=150).map(|at| crowd(at, at as usize))).now_or_never().unwrap();
    let cursor = EventId::from_micros(101).unwrap();
    assert!(hub.subscribe(cursor, Scope::public()).is_none(), "more than the ring may hold");
}

#[test]
fn a_restart_tells_every_stream_and_goes_on() {
    let hub = hub(Backlog { events: 10, bytes: 1_000 });
    let mut stream = subscribe(&hub, 0);
    hub.restart(EventId::from_micros(500).unwrap());
    publish(&hub, [entry(501, "a")]);
    let Poll::Ready(Step::Send(bytes)) = step(&mut stream) else { panic!("no reset") };
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    assert!(text.contains("reset") && text.contains("19700101000000.000501"), "{text}");
    assert_eq!(step(&mut stream), Poll::Pending);
}

#[test]
fn a_stream_that_is_dropped_has_left() {
    let hub = hub(Backlog { events: 10, bytes: 1_000 });
    let stream = subscribe(&hub, 0);
    assert_eq!(hub.streams(), 1);
    drop(stream);
    assert_eq!(hub.streams(), 0);
}
