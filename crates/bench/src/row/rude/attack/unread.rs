//! Asking for much and reading nothing of it: whoever answers has to keep it.

use std::time::Duration;

use anyhow::Result;

use super::super::seed::Seed;
use super::Scene;
use crate::load::dial::Dial;
use crate::load::http;
use crate::load::swarm::{Score, Swarm, Then};

pub(super) const ANSWERS: &str = "300 connections that ask for 200 messages of 16 kB and read \
     nothing (receive buffer 4 kB)";

pub(super) const STREAMS: &str = "150 streams that begin with 200 messages of 16 kB, by history or \
     by cursor, and read nothing (receive buffer 4 kB)";

/// The room with messages that are as long as may be.
const LONG: &str = "long";

const RECEIVE_BUFFER: usize = 4_096;

/// Before one that is turned away comes again.
const PAUSE: Duration = Duration::from_millis(100);

pub(super) fn seed(seed: Seed) -> Result<()> {
    // 4,000 characters of four bytes.
    seed.room(LONG, 200, &"🦀".repeat(4_000))
}

pub(super) fn read_no_answers(scene: Scene) -> Result<Score> {
    let path = format!("/messages?conversation_id={LONG}&limit=200");
    let swarm = Swarm {
        dial: Dial { receive_buffer: Some(RECEIVE_BUFFER), ..scene.to_messages() },
        size: 300,
        greeting: &|_| http::request("GET", scene.messages, &path, "", ""),
        welcome: b"HTTP/1.1 200",
        then: Then::Ignore,
        pause: PAUSE,
    };
    swarm.run(scene.until)
}

pub(super) fn read_no_streams(scene: Scene) -> Result<Score> {
    let greeting = |number: u64| {
        let from = match number % 2 {
            0 => "history=200",
            _ => "last_event_id=19700101000000.000000",
        };
        let path = format!("/events?rooms={LONG}&{from}");
        http::request("GET", scene.streams, &path, "Accept: text/event-stream\r\n", "")
    };
    let swarm = Swarm {
        dial: Dial { receive_buffer: Some(RECEIVE_BUFFER), ..scene.to_streams() },
        size: 150,
        greeting: &greeting,
        welcome: b"HTTP/1.1 200",
        then: Then::Ignore,
        pause: PAUSE,
    };
    swarm.run(scene.until)
}
