//! What memory this process takes from the system, and keeps.

use std::{
    cell::Cell,
    ffi::c_long,
    io,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use actix_web::rt;
use tokio::{
    runtime::{Builder, Runtime},
    time::sleep,
};

/// Takes it in small pages, also where the system is set up to hand out huge ones to everybody: what is
/// kept for streams lies scattered after a storm, and a huge page is taken whole for a corner of it. And gives
/// back soon what is free, where mimalloc is the allocator. Once in a process, before it has threads.
pub fn keep_little() {
    in_small_pages();
    give_back_soon();
}

/// Where that cannot be said, nothing happens.
fn in_small_pages() {
    #[cfg(target_os = "linux")]
    rustix::thread::disable_transparent_huge_pages(true).ok();
}

/// An option of `mimalloc.h`, which the bindings do not name.
struct Setting {
    option: libmimalloc_sys::mi_option_t,
    /// In the environment, by which an operator may say something else.
    variable: &'static str,
    value: c_long,
}

/// What differs from mimalloc's own defaults.
const OPTIONS: [Setting; 2] = [
    // `mi_option_purge_delay`, in milliseconds: how long free pages wait for somebody who needs one, before who
    // next looks or allocates gives them back. It would be a second. At once, a storm of streams gives back and
    // takes anew what each of them needs for a moment, which is a fifth of the processor time of an opening.
    Setting { option: 15, variable: "MIMALLOC_PURGE_DELAY", value: 100 },
    // `mi_option_generic_collect`, in allocations off the fast path, of which there have to be a thousand: how
    // often a thread looks through its pages that has no occasion to call `look_through`, as those of the
    // database.
    Setting { option: 34, variable: "MIMALLOC_GENERIC_COLLECT", value: 1_000 },
];

#[expect(unsafe_code, reason = "the allocator has no other way to be told")]
fn give_back_soon() {
    for Setting { option, variable, value } in OPTIONS {
        if std::env::var_os(variable).is_none() {
            // SAFETY: an option is an aligned word and a mark that it is set. Whoever reads them at this moment
            // has what they were or what they will be, and both will do.
            unsafe { libmimalloc_sys::mi_option_set(option, value) };
        }
    }
}

/// How often a thread looks through the pages that it took.
pub const EVERY: Duration = Duration::from_secs(2);

thread_local!(static LOOKED: Cell<Option<Instant>> = const { Cell::new(None) });

/// Gives back pages that this thread took and that are free by now, whoever freed what was in them: that is
/// the rule here, since what a stream is sent is made by one thread and dropped by another, and mimalloc's
/// threads find it out only when they look. Looks every few seconds, however often it is called, and returns
/// whether it has looked now. Pages that are kept for what comes next go after a few looks, and with the first of
/// all threads' looks in that time.
pub fn look_through() -> bool {
    let now = Instant::now();
    let is_due = LOOKED.get().is_none_or(|before| now.duration_since(before) >= EVERY);
    if is_due {
        LOOKED.set(Some(now));
        collect(is_first(now));
    }
    is_due
}

/// Whether no other thread has looked for as long.
fn is_first(now: Instant) -> bool {
    static BEFORE: Mutex<Option<Instant>> = Mutex::new(None);
    let mut before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner);
    let is_first = before.is_none_or(|before| now.saturating_duration_since(before) >= EVERY);
    if is_first {
        *before = Some(now);
    }
    is_first
}

/// With force, all that is free in the process goes back, and not only what has been free for a moment: two
/// threads that give back at the same time may leave it unsaid that there is more.
#[expect(unsafe_code, reason = "the bindings do not wrap it")]
fn collect(force: bool) {
    // SAFETY: it looks through this thread's own pages, and this thread is in the middle of no allocation.
    // Where another allocator is used, there are none.
    unsafe { libmimalloc_sys::mi_collect(force) };
}

/// Gives back what is free of the memory that libraries took which are not written in Rust, such as SQLite:
/// the system's allocator keeps it in the midst of what is used. Takes as long as there is much of it: not on a
/// thread that others wait for.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[expect(unsafe_code, reason = "nothing wraps it")]
    // SAFETY: it may be called at any time, by any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Has a thread of a server look through its pages for as long as it runs: for the factory of an app, which
/// each of them calls once. The task ends with the thread.
pub fn look_through_here() {
    rt::spawn(async {
        loop {
            sleep(EVERY).await;
            look_through();
        }
    });
}

/// The runtime of a program, with threads that look through their pages before they wait. One that is not
/// woken any more keeps what others free after that.
pub fn runtime() -> io::Result<Runtime> {
    let look = || {
        look_through();
    };
    Builder::new_multi_thread().enable_all().on_thread_park(look).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_is_kept() {
        #[expect(unsafe_code, reason = "as above")]
        // SAFETY: as above.
        let get = |option| unsafe { libmimalloc_sys::mi_option_get(option) };
        if OPTIONS.iter().all(|it| std::env::var_os(it.variable).is_none()) {
            // No other options have these values by themselves: they are the right ones.
            assert_eq!(OPTIONS.map(|it| get(it.option)), [1_000, 10_000]);
            keep_little();
            assert_eq!(OPTIONS.map(|it| get(it.option)), OPTIONS.map(|it| it.value));
        }
        in_small_pages();
        // Where it can be asked, it can be said.
        #[cfg(target_os = "linux")]
        assert_ne!(rustix::thread::transparent_huge_pages_are_disabled().ok(), Some(false));
    }
}
