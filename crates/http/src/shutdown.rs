//! [`Shutdown`]: one signal that everything listens to.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio_util::sync::CancellationToken;

/// Asks a service to end. Clones are the same signal.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    token: CancellationToken,
    hasty: Arc<AtomicBool>,
}

impl Shutdown {
    /// A signal that somebody will give.
    pub fn new() -> Self {
        Self::default()
    }

    /// A signal that the system gives: SIGTERM, as a service manager sends it, or Ctrl-C, which
    /// a person at a terminal presses and does not want to wait for. A second Ctrl-C ends the
    /// process on the spot. Call it inside the runtime.
    pub fn on_signals() -> std::io::Result<Self> {
        let shutdown = Self::new();
        let given = shutdown.clone();
        #[cfg(unix)]
        let mut terminate =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::spawn(async move {
            #[cfg(unix)]
            tokio::select! {
                _ = terminate.recv() => given.give(),
                _ = tokio::signal::ctrl_c() => given.give_hastily(),
            }
            #[cfg(not(unix))]
            if tokio::signal::ctrl_c().await.is_ok() {
                given.give_hastily();
            }
            if tokio::signal::ctrl_c().await.is_ok() {
                std::process::exit(130);
            }
        });
        Ok(shutdown)
    }

    /// Gives the signal.
    pub fn give(&self) {
        self.token.cancel();
    }

    /// Gives the signal, and asks not to linger.
    pub fn give_hastily(&self) {
        self.hasty.store(true, Ordering::Release);
        self.token.cancel();
    }

    /// Whether the signal came with the wish not to linger.
    pub fn is_hasty(&self) -> bool {
        self.hasty.load(Ordering::Acquire)
    }

    /// Whether the signal has been given.
    pub fn is_given(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Resolves once the signal is given.
    pub async fn given(&self) {
        self.token.cancelled().await;
    }
}
