//! What memory this process takes from the system, and keeps.

/// Takes it in small pages, also where the system is set up to hand out huge ones to everybody: what is
/// kept for streams lies scattered after a storm, and a huge page is taken whole for a corner of it. And gives
/// back at once what is free, where mimalloc is the allocator: it would wait for a second, and then for somebody to
/// free more.
pub fn keep_little() {
    in_small_pages();
    give_back_at_once();
}

/// Where that cannot be said, nothing happens.
fn in_small_pages() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        tracing::debug!(%error, "huge pages stay");
    }
}

/// `mi_option_purge_delay` of `mimalloc.h`, in milliseconds; the bindings do not name it.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// In the environment, by which an operator may say something else.
const VARIABLE: &str = "MIMALLOC_PURGE_DELAY";

#[expect(unsafe_code, reason = "the allocator has no other way to be told")]
fn give_back_at_once() {
    if std::env::var_os(VARIABLE).is_some() {
        return;
    }
    // SAFETY: an option is one aligned word, which nobody else writes; who reads it at this moment has what
    // it was or what it will be, and both will do.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, 0) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_is_kept() {
        #[expect(unsafe_code, reason = "as above")]
        // SAFETY: as above.
        let delay = || unsafe { libmimalloc_sys::mi_option_get(PURGE_DELAY) };
        if std::env::var_os(VARIABLE).is_none() {
            // No other option has this value by itself: it is the right one.
            assert_eq!(delay(), 1_000);
            keep_little();
            assert_eq!(delay(), 0);
        }
        in_small_pages();
        // Where it can be asked, it can be said.
        #[cfg(target_os = "linux")]
        assert_ne!(rustix::thread::transparent_huge_pages_are_disabled().ok(), Some(false));
    }
}
