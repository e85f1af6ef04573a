//! What memory this process takes from the system.

/// Takes it in small pages, also where the system is set up to hand out huge ones to everybody: what is
/// kept for streams lies scattered after a storm, and a huge page is taken whole for a corner of it.
/// Where that cannot be said, nothing happens.
pub fn in_small_pages() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        tracing::debug!(%error, "huge pages stay");
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn huge_pages_are_not_taken() {
        super::in_small_pages();
        // Where it can be asked, it can be said.
        assert_ne!(rustix::thread::transparent_huge_pages_are_disabled().ok(), Some(false));
    }
}
