//! What a connected client costs that receives nothing but heartbeats.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::figure::{Bar, Figure, Sample};
use super::{Row, settle};
use crate::clock;
use crate::load::crowd::{Crowd, Plan};
use crate::target::{self, Kind, Lab};
use crate::usage;

#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Idle {
    #[arg(long, default_value_t = Self::default().clients)]
    clients: usize,
    /// How long the processor time is measured
    #[arg(long, default_value_t = Self::default().secs)]
    secs: u64,
}

impl Default for Idle {
    fn default() -> Self {
        Self { clients: 15_000, secs: 60 }
    }
}

impl Idle {
    pub(crate) fn quick() -> Self {
        Self { secs: 15, ..Self::default() }
    }
}

impl Row for Idle {
    fn name(&self) -> &'static str {
        "idle"
    }

    fn conditions(&self) -> String {
        format!("{} SSE clients, {} s, a heartbeat every 15 s", self.clients, self.secs)
    }

    fn figures(&self) -> &'static [Figure] {
        &[
            Figure {
                name: "memory per client",
                unit: "bytes",
                digits: 0,
                bars: &[Bar::Most(2048.0), Bar::MostTimes(0.25, Kind::Nchan)],
            },
            Figure {
                name: "cpu per client and second",
                unit: "µs",
                digits: 2,
                bars: &[Bar::Most(3.0)],
            },
        ]
    }

    fn measure(&self, kind: Kind, lab: &Lab) -> Result<Sample> {
        let server = target::start(kind, lab)?;
        settle()?;
        let before = usage::resident(&server.pids())?;
        let crowd = Crowd::open(&Plan {
            first: 0,
            clients: self.clients,
            stream: server.stream().clone(),
            expect: 0,
            reconnect: false,
            pace: lab.pace,
        })?;
        settle()?;
        let connected = usage::resident(&server.pids())?;
        let (start, used) = (clock::now(), usage::processor(&server.pids())?);
        clock::pause(Duration::from_secs(self.secs))?;
        let used = usage::processor(&server.pids())? - used;
        let seconds = (clock::now() - start) as f64 / 1e9;
        // Heartbeats may take memory of their own, so the larger of both moments counts.
        let memory = usage::resident(&server.pids())?.max(connected) - before;
        let tally = crowd.close()?.tally;
        ensure!(tally.cut == 0, "{} idle clients were cut", tally.cut);
        let clients = self.clients as f64;
        Ok(Sample::from([
            ("memory per client", memory / clients),
            ("cpu per client and second", used * 1e6 / clients / seconds),
        ]))
    }
}
