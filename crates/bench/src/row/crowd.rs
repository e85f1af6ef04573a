//! More streams than one process may have: several notification services, one post to all.

use std::time::Duration;

use anyhow::Result;

use super::figure::{Bar, Figure, Sample};
use super::{Row, settle};
use crate::load::crowd::{Pace, Plan, Stream};
use crate::load::mark::Mark;
use crate::load::poster::Poster;
use crate::load::throng::Throng;
use crate::target::fleet::{Fleet, Order};
use crate::target::{Kind, Lab, redis};
use crate::{clock, usage};

/// A heartbeat and a bit: heartbeats may take memory of their own.
const REST: Duration = Duration::from_secs(17);

#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Crowd {
    /// Notification services
    #[arg(long, default_value_t = Self::default().instances)]
    instances: usize,
    /// SSE streams at each; one takes four fifths of the descriptors that a process may have
    #[arg(long, default_value_t = Self::default().each)]
    each: usize,
    /// Length of the post's text
    #[arg(long, default_value_t = Self::default().bytes)]
    bytes: usize,
}

impl Default for Crowd {
    fn default() -> Self {
        Self { instances: 10, each: 15_300, bytes: 200 }
    }
}

impl Row for Crowd {
    fn name(&self) -> &'static str {
        "crowd"
    }

    fn conditions(&self) -> String {
        format!(
            "{} notification services with {} SSE streams each, one message service, Redis; memory is resident \
             memory of the notification services, from before their streams came to {REST:?} later, first of \
             one of them alone; then one post of {} bytes through POST /messages; processor time is that of \
             the notification services, user and system",
            self.instances, self.each, self.bytes
        )
    }

    fn figures(&self) -> &'static [Figure] {
        &[
            Figure { name: "streams", unit: "", digits: 0, bars: &[Bar::Least(150_000.0)] },
            Figure {
                name: "streams without the post",
                unit: "",
                digits: 0,
                bars: &[Bar::Most(0.0)],
            },
            Figure { name: "all open after", unit: "s", digits: 1, bars: &[] },
            Figure { name: "memory per stream, one instance", unit: "bytes", digits: 0, bars: &[] },
            Figure { name: "memory per stream", unit: "bytes", digits: 0, bars: &[] },
            Figure { name: "memory, all / one", unit: "", digits: 2, bars: &[Bar::Most(1.1)] },
            Figure { name: "memory of all services", unit: "MiB", digits: 0, bars: &[] },
            Figure { name: "cpu per delivery", unit: "µs", digits: 2, bars: &[] },
            Figure { name: "last stream has it after", unit: "ms", digits: 0, bars: &[] },
        ]
    }

    fn targets(&self) -> &'static [Kind] {
        &[Kind::Realtalk]
    }

    fn missing(&self) -> Option<String> {
        redis::absent()
    }

    fn measure(&self, _: Kind, lab: &Lab) -> Result<Sample> {
        let order =
            Order { messages: 1, streams: self.instances, has_redis: true, set: Vec::new() };
        let fleet = Fleet::start(lab, order)?;
        settle()?;
        let first = &fleet.stream_pids()[..1];
        let (before, before_first) =
            (usage::resident(&fleet.stream_pids())?, usage::resident(first)?);
        let mut throng = Throng::default();
        throng.join(&self.part(0, &fleet, lab.pace))?;
        throng.wait_ready(self.patience(lab))?;
        clock::pause(REST)?;
        let one = (usage::resident(first)? - before_first) / self.each as f64;
        eprintln!("    {one:.0} bytes a stream while there is one instance with streams");
        let begun = clock::now();
        for number in 1..self.instances {
            throng.join(&self.part(number, &fleet, lab.pace))?;
        }
        throng.wait_ready(self.patience(lab))?;
        let opened = (clock::now() - begun) as f64 / 1e9;
        eprintln!("    {} streams are open", throng.size());
        clock::pause(REST)?;
        let streams = throng.size() as f64;
        let memory = (usage::resident(&fleet.stream_pids())? - before) / streams;
        let all = usage::resident(&fleet.pids())?;
        let used = usage::processor(&fleet.stream_pids())?;
        let sent = clock::now();
        let publish = fleet.publish();
        let body = publish.shape.body(Mark { seq: 0, sent }, self.bytes);
        Poster::connect(publish.to)?.post(publish.path, &body)?;
        throng.wait_complete(Duration::from_secs(60))?;
        let used = usage::processor(&fleet.stream_pids())? - used;
        // A duplicate would still be on its way.
        settle()?;
        let tally = throng.close_faultless()?;
        Ok(Sample::from([
            ("streams", streams),
            ("streams without the post", streams - tally.complete as f64),
            ("all open after", opened),
            ("memory per stream, one instance", one),
            ("memory per stream", memory),
            ("memory, all / one", memory / one),
            ("memory of all services", all / f64::from(1 << 20)),
            ("cpu per delivery", used * 1e6 / tally.deliveries as f64),
            ("last stream has it after", (tally.last_complete - sent) as f64 / 1e6),
        ]))
    }
}

impl Crowd {
    /// The streams of one instance, opened by one process; the pace is shared by all.
    fn part(&self, number: usize, fleet: &Fleet, pace: Pace) -> Plan {
        let share = |all: usize| (all / self.instances).max(1);
        let to = fleet.streams()[number].at();
        Plan {
            first: number * self.each,
            clients: self.each,
            stream: Stream { to, also: Vec::new(), ..fleet.stream() },
            expect: 1,
            reconnect: false,
            pace: Pace {
                threads: 1,
                per_second: share(pace.per_second as usize) as u32,
                outstanding: share(pace.outstanding),
            },
        }
    }

    /// How long all of them may take to come: five times as long as the pace has it.
    fn patience(&self, lab: &Lab) -> Duration {
        let planned = self.instances * self.each / (lab.pace.per_second as usize).max(1);
        Duration::from_secs(60 + 5 * planned as u64)
    }
}
