//! How much a run does, and how much of the machine it takes.

use serde::Deserialize;
use tokio::sync::{Semaphore, SemaphorePermit};

/// What the environment asks for.
#[derive(Debug, Deserialize)]
pub(crate) struct Scale {
    realtalk_seed: Option<u64>,
    #[serde(default = "default_rounds")]
    realtalk_rounds: u32,
    realtalk_long: Option<String>,
    stream_engine: Option<String>,
    test_redis_url: Option<String>,
}

fn default_rounds() -> u32 {
    6
}

impl Scale {
    pub(crate) fn read() -> Self {
        envy::from_env().unwrap()
    }

    /// How often the crash test kills.
    pub(crate) fn rounds(&self) -> u32 {
        self.realtalk_rounds
    }

    /// The seed of everything random in a test; printed, so that the run can be repeated.
    pub(crate) fn seed(&self, test: &str) -> u64 {
        let seed = self.realtalk_seed.unwrap_or_else(rand::random);
        eprintln!("{test}: REALTALK_SEED={seed}");
        seed
    }

    /// Where streams are to be run, as a setting of the services.
    pub(crate) fn engine(&self) -> Option<(&'static str, &str)> {
        Some(("STREAM_ENGINE", self.stream_engine.as_deref()?))
    }

    /// Over what the services are to hear of each other, as a setting; by requests if there is nothing.
    pub(crate) fn bus(&self) -> Option<(&'static str, &str)> {
        Some(("REDIS_URL", self.test_redis_url.as_deref()?))
    }

    /// Whether streams are run as bodies of actix responses.
    pub(crate) fn is_portable(&self) -> bool {
        self.stream_engine.as_deref() == Some("portable")
    }

    /// Whether there is time for the largest sizes.
    pub(crate) fn is_long(&self) -> bool {
        self.realtalk_long.as_deref() == Some("1")
    }
}

static HEAVY: Semaphore = Semaphore::const_new(2);

/// Waits for a turn: tests that load the machine run two at a time at most.
pub(crate) async fn heavy() -> SemaphorePermit<'static> {
    HEAVY.acquire().await.unwrap()
}
