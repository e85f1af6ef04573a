//! What one thread took and another let go of. A binary of its own, since it looks at the memory of the process.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{fs, thread};

use http_kit::memory;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn resident_kib() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn what_another_thread_let_go_of_goes_back() {
    memory::keep_little();
    let before = resident_kib();
    // One of each size, none of which fills its page: a full one would not be this thread's any more.
    let blocks: Vec<_> = (2..=48).map(|size| vec![1_u8; size * 8 * 1_024]).collect();
    let taken: usize = blocks.iter().map(|block| block.len() / 1_024).sum();
    thread::spawn(move || drop(blocks)).join().unwrap();
    let kept = resident_kib() - before;
    assert!(kept > taken / 2, "{kept} of {taken} KiB: there is nothing to look for");
    assert!(memory::look_through());
    // Pages that are free by now may be of use until some looks later.
    let mut looks = 1;
    while resident_kib().saturating_sub(before) > taken / 4 {
        assert!(looks < 10, "{} of {taken} KiB are kept", resident_kib().saturating_sub(before));
        thread::sleep(memory::EVERY);
        assert!(memory::look_through());
        looks += 1;
    }
}
