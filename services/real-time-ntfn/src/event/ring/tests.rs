//! What is replayed, and what is known to be missing.

use bytes::Bytes;
use common::{Audience, event::PUBLIC_ROOM};
use proptest::prelude::*;

use super::*;
use crate::event::frame::Frame;

fn id(micros: u64) -> EventId {
    EventId::from_micros(micros).unwrap()
}

fn entry(micros: Option<u64>, size: usize) -> Arc<Entry> {
    let audience = Audience::Room(PUBLIC_ROOM.to_owned());
    let sse = Bytes::from(vec![b'x'; size]);
    Arc::new(Entry::new(micros.map(id), audience, Frame::bare(sse), Bytes::new()))
}

fn ids(ring: &Ring, cursor: u64) -> Option<Vec<Option<u64>>> {
    let from = ring.after(id(cursor))?;
    let entries = ring.read(from)?;
    Some(entries.map(|(entry, _)| entry.id.map(EventId::micros)).collect())
}

#[test]
fn replays_what_lies_after_a_cursor() {
    let mut ring = Ring::new(RingLimits { events: 10, bytes: 1_000 }, id(100));
    for micros in [Some(110), Some(120), None, Some(130)] {
        ring.push(entry(micros, 10));
    }
    assert_eq!(ids(&ring, 99), None);
    assert_eq!(ids(&ring, 100).unwrap().len(), 4);
    // A cursor right before an id, and one right at an id: what has no id is not repeated.
    assert_eq!(ids(&ring, 119), Some(vec![Some(120), None, Some(130)]));
    assert_eq!(ids(&ring, 120), Some(vec![Some(130)]));
    assert_eq!(ids(&ring, 130), Some(vec![]));
    assert!(ring.contains(id(120)) && !ring.contains(id(121)) && !ring.contains(id(100)));
}

#[test]
fn a_cursor_that_was_never_held_is_of_another_log() {
    let mut ring = Ring::new(RingLimits { events: 10, bytes: 1_000 }, id(100));
    for micros in [Some(110), None, Some(120)] {
        ring.push(entry(micros, 10));
    }
    for cursor in [101, 108, 111, 118, 121, 500] {
        assert_eq!(ids(&ring, cursor), None, "{cursor}");
    }
    for cursor in [100, 109, 110, 119, 120] {
        assert!(ids(&ring, cursor).is_some(), "{cursor}");
    }
}

#[test]
fn a_full_ring_takes_no_more_memory() {
    let mut ring = Ring::new(RingLimits { events: 64, bytes: 10_000 }, id(0));
    for micros in 1..=64 {
        ring.push(entry(Some(micros), 10));
    }
    let full = ring.slots.capacity();
    for micros in 65..=200 {
        ring.push(entry(Some(micros), 10));
    }
    assert_eq!((ring.slots.len(), ring.slots.capacity()), (64, full));
}

#[test]
fn what_is_not_in_the_log_pushes_out_nothing_that_is() {
    let mut ring = Ring::new(RingLimits { events: 3, bytes: 10_000 }, id(100));
    for micros in [110, 120, 130] {
        ring.push(entry(Some(micros), 10));
        (0..6).for_each(|_| ring.push(entry(None, 10)));
    }
    assert_eq!(ids(&ring, 109).unwrap().into_iter().flatten().collect::<Vec<_>>(), [110, 120, 130]);
    // But there are not any number of them.
    (0..100).for_each(|_| ring.push(entry(None, 10)));
    assert_eq!(ring.slots.len(), 3 * SLOTS);
    assert_eq!(ids(&ring, 129), None);
    ring.push(entry(Some(140), 10));
    assert_eq!(ids(&ring, 139).unwrap().into_iter().flatten().collect::<Vec<_>>(), [140]);
}

#[test]
fn what_falls_out_is_known_to_be_missing() {
    let mut ring = Ring::new(RingLimits { events: 2, bytes: 1_000 }, id(100));
    let first = ring.end();
    for micros in [110, 120, 130] {
        ring.push(entry(Some(micros), 10));
    }
    assert!(ring.read(first).is_none() && ring.lag(first).is_none());
    assert_eq!((ids(&ring, 109), ids(&ring, 110).unwrap().len()), (None, 2));
    // One large entry pushes out all others, itself if need be.
    ring.push(entry(Some(140), 2_000));
    assert_eq!((ids(&ring, 139), ids(&ring, 140)), (None, Some(vec![])));
}

#[test]
fn a_restart_leaves_no_old_position_valid() {
    let mut ring = Ring::new(RingLimits { events: 9, bytes: 1_000 }, id(100));
    ring.push(entry(Some(110), 10));
    let end = ring.end();
    ring.restart(id(500));
    assert!(ring.read(end).is_none() && ring.lag(end).is_none());
    assert_eq!((ids(&ring, 110), ids(&ring, 500)), (None, Some(vec![])));
}

proptest! {
    #[test]
    fn replay_is_exactly_what_was_published_after_the_cursor(
        steps in prop::collection::vec((1_u64..5, prop::bool::weighted(0.8), 0_usize..40), 1..80),
        cursor in 0_u64..300,
        events in 1_usize..40,
    ) {
        let mut ring = Ring::new(RingLimits { events, bytes: 400 }, id(50));
        let (mut now, mut published) = (50, vec![]);
        for (step, durable, size) in steps {
            now += step;
            ring.push(entry(durable.then_some(now), size));
            if durable { published.push(now); }
        }
        if let Some(replayed) = ids(&ring, cursor) {
            let expected: Vec<_> = published.iter().copied().filter(|at| *at > cursor).collect();
            let replayed: Vec<_> = replayed.into_iter().flatten().collect();
            prop_assert_eq!(replayed, expected);
        } else {
            // Refused only when something is really missing, or was never here.
            let is_held = cursor == 50 || published.iter().any(|at| id(cursor).is_at(id(*at)));
            prop_assert!(!is_held || published.iter().any(|at| *at > cursor));
        }
        let end = ring.end();
        prop_assert_eq!(ring.lag(end), Some(Lag { events: 0, bytes: 0 }));
    }
}
