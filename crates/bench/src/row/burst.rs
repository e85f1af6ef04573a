//! How fast posts that come back to back reach everyone.

use std::time::Duration;

use anyhow::Result;

use super::figure::{Bar, Figure, Sample};
use super::{Row, settle};
use crate::clock;
use crate::load::crowd::{Crowd, Plan};
use crate::load::mark::Mark;
use crate::load::poster::Poster;
use crate::target::{self, Kind, Lab};
use crate::usage;

#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Burst {
    #[arg(long, default_value_t = Self::default().clients)]
    clients: usize,
    #[arg(long, default_value_t = Self::default().posts)]
    posts: u32,
    /// Length of each post's text
    #[arg(long, default_value_t = Self::default().bytes)]
    bytes: usize,
}

impl Default for Burst {
    fn default() -> Self {
        Self { clients: 5_000, posts: 100, bytes: 200 }
    }
}

impl Row for Burst {
    fn name(&self) -> &'static str {
        "burst"
    }

    fn conditions(&self) -> String {
        format!(
            "{} SSE clients, {} posts of {} bytes back to back on one connection",
            self.clients, self.posts, self.bytes
        )
    }

    fn figures(&self) -> &'static [Figure] {
        &[
            Figure {
                name: "deliveries",
                unit: "1/s",
                digits: 0,
                bars: &[Bar::LeastTimes(15.0, Kind::Nchan), Bar::LeastTimes(3.0, Kind::Bare)],
            },
            Figure { name: "server cpu per delivery", unit: "µs", digits: 2, bars: &[] },
            Figure { name: "generator cpu per delivery", unit: "µs", digits: 2, bars: &[] },
            Figure { name: "bytes per delivery", unit: "bytes", digits: 0, bars: &[] },
        ]
    }

    fn measure(&self, kind: Kind, lab: &Lab) -> Result<Sample> {
        let server = target::start(kind, lab)?;
        let crowd = Crowd::open(&Plan {
            first: 0,
            clients: self.clients,
            stream: server.stream().clone(),
            expect: self.posts,
            reconnect: false,
            pace: lab.pace,
        })?;
        settle()?;
        let publish = server.publish();
        let mut poster = Poster::connect(publish.to)?;
        let bytes = crowd.tally().bytes;
        let used = usage::processor(&server.pids())?;
        let (start, generator) = (clock::now(), usage::own_processor()?);
        for seq in 0..self.posts {
            let mark = Mark { seq, sent: clock::now() };
            poster.post(publish.path, &publish.shape.body(mark, self.bytes))?;
        }
        let tally = crowd.wait_complete(Duration::from_secs(120))?;
        let used = usage::processor(&server.pids())? - used;
        let generator = usage::own_processor()? - generator;
        let seconds = (tally.last_complete - start) as f64 / 1e9;
        crowd.close_faultless()?;
        let deliveries = self.clients as f64 * f64::from(self.posts);
        Ok(Sample::from([
            ("deliveries", deliveries / seconds),
            ("server cpu per delivery", used * 1e6 / deliveries),
            // Generator and server share the cores, so the rate is bounded by both.
            ("generator cpu per delivery", generator * 1e6 / deliveries),
            ("bytes per delivery", (tally.bytes - bytes) as f64 / deliveries),
        ]))
    }
}
