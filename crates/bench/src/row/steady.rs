//! What a delivery costs, and how long it takes, at an even rate that leaves room.

use std::time::Duration;

use anyhow::Result;

use super::figure::{Bar, Figure, Sample};
use super::{Row, post_evenly, settle};
use crate::load::crowd::{Crowd, Plan};
use crate::target::{self, Kind, Lab};
use crate::usage;

#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Steady {
    #[arg(long, default_value_t = Self::default().clients)]
    clients: usize,
    /// Posts per second
    #[arg(long, default_value_t = Self::default().rate)]
    rate: f64,
    #[arg(long, default_value_t = Self::default().secs)]
    secs: u32,
    /// Length of each post's text
    #[arg(long, default_value_t = Self::default().bytes)]
    bytes: usize,
}

impl Default for Steady {
    fn default() -> Self {
        Self { clients: 2_000, rate: 33.0, secs: 20, bytes: 200 }
    }
}

impl Steady {
    pub(crate) fn quick() -> Self {
        Self { secs: 8, ..Self::default() }
    }
}

impl Row for Steady {
    fn name(&self) -> &'static str {
        "steady"
    }

    fn conditions(&self) -> String {
        format!(
            "{} SSE clients, {} posts/s of {} bytes for {} s",
            self.clients, self.rate, self.bytes, self.secs
        )
    }

    fn figures(&self) -> &'static [Figure] {
        &[
            Figure {
                name: "server cpu per delivery",
                unit: "µs",
                digits: 2,
                bars: &[Bar::MostTimes(1.15, Kind::Bare)],
            },
            Figure {
                name: "latency p50",
                unit: "ms",
                digits: 2,
                bars: &[Bar::MostTimes(1.2, Kind::Bare)],
            },
            Figure {
                name: "latency p99",
                unit: "ms",
                digits: 2,
                bars: &[Bar::MostTimes(1.2, Kind::Bare)],
            },
        ]
    }

    fn measure(&self, kind: Kind, lab: &Lab) -> Result<Sample> {
        let server = target::start(kind, lab)?;
        let posts = (self.rate * f64::from(self.secs)).max(1.0) as u32;
        let crowd = Crowd::open(&Plan {
            first: 0,
            clients: self.clients,
            stream: server.stream().clone(),
            expect: posts,
            reconnect: false,
            pace: lab.pace,
        })?;
        settle()?;
        let used = usage::processor(&server.pids())?;
        post_evenly(server.publish(), posts, self.bytes, self.rate)?;
        crowd.wait_complete(Duration::from_secs(30))?;
        let used = usage::processor(&server.pids())? - used;
        let outcome = crowd.close_faultless()?;
        Ok(Sample::from([
            ("server cpu per delivery", used * 1e6 / outcome.tally.deliveries as f64),
            ("latency p50", outcome.latency.quantile_ms(0.5)),
            ("latency p99", outcome.latency.quantile_ms(0.99)),
        ]))
    }
}
