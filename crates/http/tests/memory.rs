//! What one thread took and another let go of. A binary of its own, since it looks at the memory of the process.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{fs, sync::Mutex, thread};

use http_kit::memory;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// All look at the memory of the same process.
static TURN: Mutex<()> = Mutex::new(());

fn resident_kib() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn what_another_thread_let_go_of_goes_back() {
    let _turn = TURN.lock();
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

#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "as a library that is written in C")]
mod libraries {
    use std::ptr;

    use super::*;

    #[test]
    fn what_a_library_let_go_of_goes_back() {
        const BLOCK: usize = 16 * 1_024;
        let _turn = TURN.lock();
        let before = resident_kib();
        let blocks: Vec<_> = (0..1_000)
            .map(|_| {
                // SAFETY: it is checked, and as large as what is written to it.
                unsafe {
                    let block = libc::malloc(BLOCK);
                    assert!(!block.is_null());
                    ptr::write_bytes(block.cast::<u8>(), 1, BLOCK);
                    block
                }
            })
            .collect();
        let taken = blocks.len() * BLOCK / 1_024;
        let (last, others) = blocks.split_last().unwrap();
        // SAFETY: each is freed once.
        others.iter().for_each(|block| unsafe { libc::free(*block) });
        let kept = resident_kib() - before;
        assert!(kept > taken / 2, "{kept} of {taken} KiB: there is nothing to give back");
        memory::give_back();
        let kept = resident_kib().saturating_sub(before);
        assert!(kept < taken / 4, "{kept} of {taken} KiB are kept");
        // SAFETY: as above.
        unsafe { libc::free(*last) };
    }
}
