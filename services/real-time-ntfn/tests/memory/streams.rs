//! Connections come and go, and leave nothing behind.

use std::{fs, io::Read};

use realtime_ntfn::config::Backlog;

use crate::{alone, resident_kib, stage::Stage};

const CONNECTIONS: usize = 50_000;
const AT_ONCE: usize = 500;

/// Memory that the allocator may hold on to, in KiB. A leak of a slot would be more.
const SLACK_KIB: u64 = 8_192;

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

fn open_and_drop(stage: &Stage, rounds: usize) {
    for _ in 0..rounds {
        let mut clients: Vec<_> = (0..AT_ONCE).map(|_| stage.connect(b"hello")).collect();
        for client in &mut clients {
            client.read_exact(&mut [0; 5]).unwrap();
        }
        drop(clients);
        stage.wait_empty();
    }
}

#[test]
fn fifty_thousand_connections_leave_no_descriptor_and_no_memory_behind() {
    let _alone = alone();
    let stage = Stage::new(Backlog { events: 100, bytes: 1 << 20 });
    open_and_drop(&stage, 4);
    let (descriptors_before, memory_before) = (descriptors(), resident_kib());
    open_and_drop(&stage, CONNECTIONS / AT_ONCE);
    assert!(descriptors() < descriptors_before + AT_ONCE / 2, "descriptors are left open");
    let grown = resident_kib().saturating_sub(memory_before);
    assert!(grown < SLACK_KIB, "{grown} KiB more than before");
}
