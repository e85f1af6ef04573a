//! Resuming far behind: each time, as much of the log as there is has to be read and sent.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use super::super::seed::{OTHERS, Seed};
use super::{Scene, together};
use crate::load::crowd::user_name;
use crate::load::http;
use crate::load::swarm::{Score, Swarm, Then};
use crate::load::ws;

pub(super) const STREAMS: &str = "250 streams, of which 40 are of members of a group of 1,000, that \
     resume from 1970 behind 3,000 events of that group, 3,000 public ones and 6,000 of others, and \
     come again at once";

pub(super) const SOCKETS: &str = "256 WebSockets of members of a group of 1,000 that say 20 times a \
     second to resume from 1970, behind 3,000 events of that group, 3,000 public ones and 6,000 of \
     others";

/// Older than everything.
const CURSOR: &str = "19700101000000.000000";

const EVENTS: usize = 3_000;

/// Events after them that are for none of those who resume. The stream service begins with the
/// newest 8,192 events in its memory, and goes on from the log over 5,000 at the most: this many make
/// it read nearly as far.
const SINCE: usize = 6_000;

/// Before one that is turned away comes again.
const PAUSE: Duration = Duration::from_millis(10);

pub(super) fn seed(seed: Seed) -> Result<()> {
    seed.large_group(EVENTS)?;
    seed.public(EVENTS)?;
    seed.room("elsewhere", SINCE, "hello")
}

pub(super) fn resume_streams(scene: Scene) -> Result<Score> {
    let ask = |query: &str| {
        let path = format!("/events?{query}lastEventId={CURSOR}");
        http::request("GET", scene.streams, &path, "Accept: text/event-stream\r\n", "")
    };
    let as_member = |number: u64| ask(&format!("user={}&", user_name(number as usize % OTHERS)));
    let as_nobody = |_| ask("");
    let swarm = |size, greeting| Swarm {
        dial: scene.to_streams(),
        size,
        greeting,
        welcome: b"event: ready",
        then: Then::Leave,
        pause: PAUSE,
    };
    let swarms = [swarm(40, &as_member as _), swarm(210, &as_nobody as _)];
    together(swarms.map(|swarm| move || swarm.run(scene.until)))
}

pub(super) fn resume_sockets(scene: Scene) -> Result<Score> {
    let swarm = Swarm {
        dial: scene.to_streams(),
        size: 256,
        greeting: &|number| {
            let user = user_name(number as usize % OTHERS);
            ws::request(scene.streams, &format!("/ws?user={user}"))
        },
        welcome: b"\"type\":\"ready\"",
        then: Then::Talk {
            every: Duration::from_millis(50),
            says: &|_| ws::frame(&json!({"type": "resume", "last_event_id": CURSOR})),
            praise: b"\"type\":\"cursor\"",
        },
        pause: PAUSE,
    };
    swarm.run(scene.until)
}
