//! Half a head: a connection that was good once, and says nothing whole any more.

use std::time::Duration;

use anyhow::Result;

use super::{Scene, together};
use crate::load::http;
use crate::load::swarm::{Score, Swarm, Then};

pub(super) const HEADS: &str =
    "1,000 connections to each service that send a whole request and then half a head";

pub(super) fn stop_in_the_middle(scene: Scene) -> Result<Score> {
    let to_each = [scene.to_messages(), scene.to_streams()];
    together(to_each.map(|dial| {
        move || {
            let swarm = Swarm {
                dial,
                size: 1_000,
                greeting: &|_| http::request("GET", dial.to, "/health", "", ""),
                welcome: b"HTTP/1.1 200",
                then: Then::Talk {
                    // Once is all that fits into the time that there is.
                    every: Duration::from_secs(3_600),
                    says: &|_| b"GET /health HTTP/1.1\r\nHost: loc".to_vec(),
                    praise: b"HTTP/1.1 200",
                },
                pause: Duration::from_millis(250),
            };
            swarm.run(scene.until)
        }
    }))
}
