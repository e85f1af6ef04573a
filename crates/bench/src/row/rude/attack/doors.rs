//! Doors that might not be watched: what is limited at one is tried at another.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use super::Scene;
use super::reads::ask_on;
use crate::load::swarm::{Score, Swarm, Then};
use crate::load::ws;

pub(super) const PRESENCE: &str =
    "16 connections that ask who is present under ever new names, as fast as they are answered";

pub(super) const POSTS: &str = "100 WebSockets that each post 40 times a second";

pub(super) fn ask_under_new_names(scene: Scene) -> Result<Score> {
    ask_on(scene, scene.streams, |number| format!("/presence?user=passer-by-{number}"))
}

pub(super) fn post_over_sockets(scene: Scene) -> Result<Score> {
    let swarm = Swarm {
        dial: scene.to_streams(),
        size: 100,
        greeting: &|number| ws::request(scene.streams, &format!("/ws?user=rude-{}", number % 100)),
        welcome: b"\"type\":\"ready\"",
        then: Then::Talk {
            every: Duration::from_millis(25),
            says: &|_| ws::frame(&json!({"type": "message", "content": "buy, buy, buy"})),
            praise: b"\"type\":\"ack\"",
        },
        pause: Duration::from_millis(100),
    };
    swarm.run(scene.until)
}
