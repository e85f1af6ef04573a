//! Ctrl-C and SIGTERM end a run through its normal error path, so that every child process and
//! temporary folder is cleaned up by its owner.

use std::sync::{Arc, LazyLock, atomic::AtomicBool, atomic::Ordering};

use anyhow::{Result, ensure};
use signal_hook::consts::{SIGINT, SIGTERM};

static ASKED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// Watches for the two signals; a second one ends the process at once.
pub(crate) fn watch() -> Result<()> {
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, ASKED.clone())?;
        signal_hook::flag::register(signal, ASKED.clone())?;
    }
    Ok(())
}

/// An error once the user has asked to stop.
pub(crate) fn check() -> Result<()> {
    ensure!(!ASKED.load(Ordering::Relaxed), "interrupted");
    Ok(())
}
