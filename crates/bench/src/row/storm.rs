//! Everyone loses the connection at once, misses posts, and comes back.

use std::time::Duration;

use anyhow::{Context, Result};

use super::figure::{Bar, Figure, Sample};
use super::{Row, settle};
use crate::clock;
use crate::load::crowd::{Crowd, Plan};
use crate::load::mark::Mark;
use crate::load::poster::Poster;
use crate::target::realtalk::RealTalk;
use crate::target::{Kind, Lab, Server, Shape};

#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Storm {
    #[arg(long, default_value_t = Self::default().clients)]
    clients: usize,
    /// Posts made while nobody is connected
    #[arg(long, default_value_t = Self::default().behind)]
    behind: u32,
    /// Length of each post's text
    #[arg(long, default_value_t = Self::default().bytes)]
    bytes: usize,
}

impl Default for Storm {
    fn default() -> Self {
        Self { clients: 5_000, behind: 200, bytes: 200 }
    }
}

/// Posts that everyone has seen before the cut, so that every client has a cursor of its own.
const BEFORE: u32 = 3;

impl Row for Storm {
    fn name(&self) -> &'static str {
        "storm"
    }

    fn conditions(&self) -> String {
        format!(
            "{} SSE clients cut at once by SIGKILL of real-time-ntfn, {} posts of {} bytes \
             meanwhile through POST /messages, each client back after its own retry:",
            self.clients, self.behind, self.bytes
        )
    }

    fn figures(&self) -> &'static [Figure] {
        &[
            Figure {
                name: "slowest return after its retry",
                unit: "s",
                digits: 2,
                bars: &[Bar::Most(10.0)],
            },
            Figure { name: "all back after the server", unit: "s", digits: 2, bars: &[] },
            Figure { name: "server away", unit: "s", digits: 2, bars: &[] },
            Figure { name: "lost", unit: "", digits: 0, bars: &[Bar::Most(0.0)] },
            Figure { name: "duplicated", unit: "", digits: 0, bars: &[Bar::Most(0.0)] },
        ]
    }

    fn targets(&self) -> &'static [Kind] {
        &[Kind::Realtalk]
    }

    fn measure(&self, _: Kind, lab: &Lab) -> Result<Sample> {
        let mut server = RealTalk::start(lab)?;
        let clients = self.clients as u64;
        let crowd = Crowd::open(&Plan {
            first: 0,
            clients: self.clients,
            stream: server.stream().clone(),
            expect: BEFORE + self.behind,
            reconnect: true,
            pace: lab.pace,
        })?;
        let mut poster = Poster::connect(server.message_address())?;
        let mut post = |seq| {
            let mark = Mark { seq, sent: clock::now() };
            poster.post("/messages", &Shape::Post.body(mark, self.bytes))
        };
        for seq in 0..BEFORE {
            post(seq)?;
        }
        crowd.wait("every client has the first posts", Duration::from_secs(30), |tally| {
            tally.deliveries >= clients * u64::from(BEFORE)
        })?;
        settle()?;
        server.kill_notification()?;
        let killed = clock::now();
        crowd.wait("every client is cut", Duration::from_secs(10), |tally| tally.cut >= clients)?;
        for seq in BEFORE..BEFORE + self.behind {
            post(seq)?;
        }
        server.restart_notification()?;
        let restarted = clock::now();
        crowd.wait_complete(Duration::from_secs(90))?;
        // A duplicate would still be on its way.
        settle()?;
        let tally = crowd.close()?.tally;
        tally.faultless().context("a delivery rule was broken")?;
        let seconds = |nanos: u64| nanos as f64 / 1e9;
        Ok(Sample::from([
            ("slowest return after its retry", seconds(tally.slowest_return)),
            ("all back after the server", seconds(tally.last_complete.saturating_sub(restarted))),
            ("server away", seconds(restarted - killed)),
            ("lost", tally.lost as f64),
            ("duplicated", tally.repeated as f64),
        ]))
    }
}
