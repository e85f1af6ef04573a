//! How many durable posts the message service takes, and how soon one is seen through both.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::figure::{Bar, Figure, Sample};
use super::{Row, post_evenly};
use crate::load::crowd::{Crowd, Plan};
use crate::load::mark::Mark;
use crate::load::poster::Poster;
use crate::load::{http, volley};
use crate::target::realtalk::RealTalk;
use crate::target::{Kind, Lab, Publish, Server, Shape};
use crate::usage;

#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Post {
    #[arg(long, default_value_t = Self::default().connections)]
    connections: usize,
    /// How long each of the two routes is under load
    #[arg(long, default_value_t = Self::default().secs)]
    secs: u64,
    /// Length of each post's text
    #[arg(long, default_value_t = Self::default().bytes)]
    bytes: usize,
    /// Posts of the post → seen part, 50 per second
    #[arg(long, default_value_t = Self::default().seen)]
    seen: u32,
}

impl Default for Post {
    fn default() -> Self {
        Self { connections: 256, secs: 10, bytes: 200, seen: 500 }
    }
}

impl Post {
    pub(crate) fn quick() -> Self {
        Self { secs: 5, seen: 250, ..Self::default() }
    }
}

impl Row for Post {
    fn name(&self) -> &'static str {
        "post"
    }

    fn conditions(&self) -> String {
        format!(
            "{} keep-alive connections, {} s per route, posts of {} bytes; then {} posts at 50/s \
             seen by one SSE client",
            self.connections, self.secs, self.bytes, self.seen
        )
    }

    fn figures(&self) -> &'static [Figure] {
        &[
            Figure { name: "POST /messages", unit: "1/s", digits: 0, bars: &[] },
            Figure { name: "GET /health", unit: "1/s", digits: 0, bars: &[] },
            Figure { name: "share", unit: "%", digits: 1, bars: &[Bar::Least(25.0)] },
            Figure { name: "cpu per post", unit: "µs", digits: 1, bars: &[] },
            Figure { name: "post to seen p50", unit: "ms", digits: 2, bars: &[Bar::Most(2.0)] },
            Figure { name: "post to seen p99", unit: "ms", digits: 2, bars: &[Bar::Most(6.0)] },
        ]
    }

    fn targets(&self) -> &'static [Kind] {
        &[Kind::Realtalk]
    }

    fn measure(&self, _: Kind, lab: &Lab) -> Result<Sample> {
        // Seen first: the load below leaves the relay with a long tail to push.
        let seen = self.seen(lab)?;
        let server = RealTalk::start(lab)?;
        let to = server.message_address();
        let duration = Duration::from_secs(self.secs);
        let fire =
            |request, expect| volley::run(&[(to, request)], self.connections, duration, expect);
        let health = fire(http::request("GET", to, "/health", "", ""), 200)?;
        let body = Shape::Post.body(Mark { seq: 0, sent: 0 }, self.bytes);
        let before = usage::processor(&[server.message_pid()])?;
        let posts = fire(http::request("POST", to, "/messages", "", &body), 201)?;
        let used = usage::processor(&[server.message_pid()])? - before;
        let stored = last_seq(to)?;
        ensure!(
            stored == posts.answers,
            "{} posts were answered 201, but the last one stored is number {stored}",
            posts.answers
        );
        let rate = |volley: &volley::Volley| volley.answers as f64 / volley.seconds;
        Ok(Sample::from([
            ("POST /messages", rate(&posts)),
            ("GET /health", rate(&health)),
            ("share", rate(&posts) / rate(&health) * 100.0),
            ("cpu per post", used * 1e6 / posts.answers as f64),
            ("post to seen p50", seen.0),
            ("post to seen p99", seen.1),
        ]))
    }
}

impl Post {
    /// p50 and p99 in milliseconds from before `POST /messages` is written to when the SSE client
    /// has it.
    fn seen(&self, lab: &Lab) -> Result<(f64, f64)> {
        let server = RealTalk::start(lab)?;
        let crowd = Crowd::open(&Plan {
            first: 0,
            clients: 1,
            stream: server.stream().clone(),
            expect: self.seen,
            reconnect: false,
            pace: lab.pace,
        })?;
        let publish =
            Publish { to: server.message_address(), path: "/messages", shape: Shape::Post };
        post_evenly(&publish, self.seen, self.bytes, 50.0)?;
        crowd.wait_complete(Duration::from_secs(10))?;
        let latency = crowd.close_faultless()?.latency;
        Ok((latency.quantile_ms(0.5), latency.quantile_ms(0.99)))
    }
}

/// The number of the newest message in the public room; numbers have no gaps and start at 1.
pub(super) fn last_seq(to: SocketAddr) -> Result<u64> {
    let answer = Poster::connect(to)?.get("/messages?limit=1")?;
    let messages: serde_json::Value = serde_json::from_slice(&answer.body)?;
    let newest = messages.as_array().and_then(|list| list.last()).context("no message stored")?;
    newest["seq"].as_u64().context("a message without a seq")
}
