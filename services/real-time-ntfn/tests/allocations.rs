//! The hot path allocates nothing per connection: counted while events go to 1,000 idle clients.
//!
//! A binary of its own, since it counts every allocation of the process.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "shards/stage.rs"]
#[allow(dead_code, reason = "shared with the tests of difficult clients")]
mod stage;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    io::Read,
    net::TcpStream,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use bytes::Bytes;
use realtime_ntfn::config::Backlog;
use stage::Stage;

const CLIENTS: usize = 1_000;
const EVENTS: u64 = 20;
const FRAME: &[u8] = b"id: 19700101000000.000001\ndata: {\"content\":\"hello\"}\n\n";

/// Publishing an event takes a few allocations, whatever the number of clients, and so does each tick of
/// a shard, of which a slow machine needs some.
const MOST_EACH: usize = 20;
const SHARDS: usize = 2;
const TICK: Duration = Duration::from_millis(100);

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

#[expect(unsafe_code, reason = "an allocator that counts and leaves the work to the system's")]
// SAFETY: every call is passed on unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn read_exactly(client: &mut TcpStream, expected: usize) {
    let (mut buffer, mut left) = ([0; 4_096], expected);
    while left > 0 {
        let most = left.min(buffer.len());
        left -= client.read(&mut buffer[..most]).unwrap();
    }
}

#[test]
fn an_event_to_a_thousand_idle_clients_allocates_nothing_for_each() {
    let backlog = Backlog { events: 1_000, bytes: 1 << 20 };
    let stage = Stage::new(backlog);
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| stage.connect(b"hello")).collect();
    for client in &mut clients {
        read_exactly(client, 5);
    }
    // The first event lets buffers grow to the size that they keep.
    let mut publish = |number: u64| {
        stage.publish(number, Bytes::from_static(FRAME));
        for client in &mut clients {
            read_exactly(client, FRAME.len());
        }
    };
    (1..=3).for_each(&mut publish);
    let (before, started) = (ALLOCATIONS.load(Ordering::Relaxed), Instant::now());
    (4..4 + EVENTS).for_each(&mut publish);
    let allocated = ALLOCATIONS.load(Ordering::Relaxed) - before;
    let ticks = SHARDS * (started.elapsed().as_millis() / TICK.as_millis() + 1) as usize;
    println!("{allocated} allocations for {EVENTS} events to {CLIENTS} clients, in {ticks} ticks");
    assert!(
        allocated <= MOST_EACH * (EVENTS as usize + ticks),
        "{allocated} allocations for {EVENTS} events to {CLIENTS} clients, in {ticks} ticks"
    );
}
