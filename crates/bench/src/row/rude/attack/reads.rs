//! Expensive questions, one after the other.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;

use super::super::line::Line;
use super::super::seed::{OWNER, Seed};
use super::{ATTACKER, Scene, together};
use crate::load::swarm::Score;
use crate::{clock, interrupt};

pub(super) const SEARCHES: &str =
    "16 searches for people at a time, each for three letters, among 100,000 guests";

pub(super) const LISTS: &str = "16 lists of conversations at a time, of somebody who is in 2,000, with \
     what is unread in them and 3,000 own messages in one";

/// Questions under way.
const AT_ONCE: usize = 16;

/// How long the rude one waits for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn seed_people(seed: Seed) -> Result<()> {
    seed.guests(100)
}

pub(super) fn seed_conversations(seed: Seed) -> Result<()> {
    seed.large_group(3_000)?;
    seed.friends(2_000)
}

pub(super) fn search(scene: Scene) -> Result<Score> {
    ask_on(scene, scene.messages, |number| {
        // Most of them are found nowhere, which takes longest.
        let letter = |which: u64| char::from(b'a' + (which % 26) as u8);
        let (first, second, third) = (letter(number), letter(number / 26), letter(number / 676));
        format!("/users?q={first}{second}{third}&limit=200&user={OWNER}")
    })
}

pub(super) fn list(scene: Scene) -> Result<Score> {
    ask_on(scene, scene.messages, |_| format!("/conversations?user={OWNER}&limit=200"))
}

/// Asks for paths as fast as the answers come, and reads these.
pub(super) fn ask_on(
    scene: Scene,
    to: SocketAddr,
    path: impl Fn(u64) -> String + Sync,
) -> Result<Score> {
    let next = AtomicU64::new(0);
    together((0..AT_ONCE).map(|_| {
        || {
            let (mut line, mut score) = (Line::new(ATTACKER, to, PATIENCE), Score::default());
            while clock::now() < scene.until {
                interrupt::check()?;
                let path = path(next.fetch_add(1, Ordering::Relaxed));
                match line.ask("GET", &path, "") {
                    Ok(_) => score.served += 1,
                    Err(_) => score.refused += 1,
                }
            }
            Ok(score)
        }
    }))
}
