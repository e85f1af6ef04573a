//! Large groups: one request that makes a thousand people and as many members.

use std::time::Duration;

use anyhow::Result;

use super::super::seed::{OTHERS, group};
use super::Scene;
use crate::load::http;
use crate::load::swarm::{Score, Swarm, Then};

pub(super) const GROUPS: &str = "256 new groups of 999 new names at once, and then 20 a second";

/// Groups under way at the most.
const AT_ONCE: usize = 256;

const PER_SECOND: f64 = 20.0;

pub(super) fn make_groups(scene: Scene) -> Result<Score> {
    let made = std::sync::atomic::AtomicUsize::new(0);
    let swarm = Swarm {
        dial: scene.to_messages(),
        size: AT_ONCE,
        // All connections stand before the first group is asked for.
        greeting: &|_| http::request("GET", scene.messages, "/health", "", ""),
        welcome: b"HTTP/1.1 200",
        then: Then::Talk {
            every: Duration::from_secs_f64(AT_ONCE as f64 / PER_SECOND),
            says: &|number| {
                let which = made.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let owner = format!("rude-{}", number % 7);
                let body = group(&owner, "rude", which * OTHERS).to_string();
                http::request("POST", scene.messages, "/conversations", "", &body)
            },
            praise: b"HTTP/1.1 201",
        },
        pause: Duration::from_secs(1),
    };
    swarm.run(scene.until)
}
