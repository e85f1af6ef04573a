//! Many people online, each with conversations of their own: what their lists cost, and that a
//! private message concerns two of them.

mod crew;
mod ring;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rand::RngExt;

use self::ring::Ring;
use super::{Row, settle};
use crate::load::crowd::{Crowd, Plan, Stream, Tally, user_name};
use crate::load::mark::Mark;
use crate::load::poster::Poster;
use crate::row::figure::{Bar, Figure, Sample};
use crate::target::realtalk::RealTalk;
use crate::target::{Kind, Lab, Server};
use crate::{clock, usage};

#[derive(clap::Args, Clone, Debug)]
pub(crate) struct People {
    /// Users, all online; a multiple of ten
    #[arg(long, default_value_t = Self::default().users)]
    users: usize,
    /// How long lists are asked for
    #[arg(long, default_value_t = Self::default().secs)]
    secs: u64,
    /// Lists asked for at a time
    #[arg(long, default_value_t = Self::default().readers)]
    readers: usize,
    /// Private messages, one after the other
    #[arg(long, default_value_t = Self::default().messages)]
    messages: u32,
    /// Private messages per second
    #[arg(long, default_value_t = Self::default().rate)]
    rate: f64,
    /// Length of each message's text
    #[arg(long, default_value_t = Self::default().bytes)]
    bytes: usize,
}

impl Default for People {
    fn default() -> Self {
        Self { users: 10_000, secs: 10, readers: 4, messages: 1_000, rate: 50.0, bytes: 200 }
    }
}

impl People {
    pub(crate) fn quick() -> Self {
        Self { users: 2_000, secs: 5, messages: 250, ..Self::default() }
    }
}

/// The events that real-time-ntfn has written to streams so far.
const WRITTEN: &str = "realtalk_events_out_total";

impl Row for People {
    fn name(&self) -> &'static str {
        "people"
    }

    fn conditions(&self) -> String {
        format!(
            "{} users online over SSE, {} conversations each (half of two users, half of ten); \
             GET /conversations of random users for {} s, {} at a time; then {} private messages \
             of {} bytes at {}/s between {} pairs through POST /messages",
            self.users,
            ring::EACH,
            self.secs,
            self.readers,
            self.messages,
            self.bytes,
            self.rate,
            ring::PAIRS
        )
    }

    fn figures(&self) -> &'static [Figure] {
        &[
            Figure { name: "list p50", unit: "ms", digits: 2, bars: &[] },
            Figure { name: "list p99", unit: "ms", digits: 2, bars: &[Bar::Most(20.0)] },
            Figure { name: "lists", unit: "1/s", digits: 0, bars: &[] },
            Figure { name: "private p50", unit: "ms", digits: 2, bars: &[] },
            Figure { name: "private p99", unit: "ms", digits: 2, bars: &[] },
            Figure {
                name: "deliveries per message",
                unit: "",
                digits: 3,
                bars: &[Bar::Most(2.0), Bar::Least(2.0)],
            },
            Figure { name: "deliveries to others", unit: "", digits: 0, bars: &[Bar::Most(0.0)] },
            Figure { name: "receipts per message", unit: "", digits: 2, bars: &[] },
            Figure { name: "other events written", unit: "", digits: 0, bars: &[Bar::Most(0.0)] },
            Figure { name: "memory per user online", unit: "bytes", digits: 0, bars: &[] },
            Figure { name: "everyone online after", unit: "s", digits: 1, bars: &[] },
        ]
    }

    fn targets(&self) -> &'static [Kind] {
        &[Kind::Realtalk]
    }

    fn measure(&self, _: Kind, lab: &Lab) -> Result<Sample> {
        ensure!(self.users >= 40 && self.users.is_multiple_of(10), "users: 40, 50, 60, …");
        let server = RealTalk::start(lab)?;
        let (ring, to) = (Ring(self.users), server.message_address());
        crew::carry_out("directs", to, ring.directs(), |number| ring.direct(number))?;
        crew::carry_out("groups", to, ring.groups(), |number| ring.group(number))?;
        settle()?;
        let (before, begun) = (usage::resident(&server.pids())?, clock::now());
        let crowd = Crowd::open(&Plan {
            first: 0,
            clients: self.users,
            stream: Stream { by_name: true, ..server.stream().clone() },
            expect: 0,
            // One that is told to come back does.
            reconnect: true,
            pace: lab.pace,
        })?;
        let online = (clock::now() - begun) as f64 / 1e9;
        eprintln!("    everyone is online after {online:.1} s");
        let mut metrics = Poster::connect(server.stream().to)?;
        quiet(&crowd, &mut metrics)?;
        let memory = usage::resident(&server.pids())? - before;
        let (lists, count) = self.lists(to)?;
        // The first message after a user came also tells of markers that stand behind their own.
        crew::carry_out("first messages", to, ring::PAIRS, |number| ring.first_message(number))?;
        // From here on, what is written is written for these messages.
        let written = quiet(&crowd, &mut metrics)?;
        let seen = crowd.tally();
        self.talk(ring, to)?;
        let expected = seen.deliveries + 2 * u64::from(self.messages);
        crowd.wait("everyone has their messages", Duration::from_secs(30), |tally| {
            tally.deliveries >= expected
        })?;
        let written = quiet(&crowd, &mut metrics)? - written;
        let tally = crowd.tally();
        let outcome = crowd.close()?;
        outcome.tally.faultless().context("a delivery rule was broken")?;
        let messages = f64::from(self.messages);
        let since = |count: fn(&Tally) -> u64| (count(&tally) - count(&seen)) as f64;
        let deliveries = since(|tally| tally.deliveries);
        let receipts = since(|tally| tally.receipts);
        Ok(Sample::from([
            ("list p50", lists.quantile_ms(0.5)),
            ("list p99", lists.quantile_ms(0.99)),
            ("lists", count as f64 / self.secs as f64),
            ("private p50", outcome.latency.quantile_ms(0.5)),
            ("private p99", outcome.latency.quantile_ms(0.99)),
            ("deliveries per message", deliveries / messages),
            ("deliveries to others", since(|tally| tally.misdirected)),
            ("receipts per message", receipts / messages),
            ("other events written", written - deliveries - receipts),
            ("memory per user online", memory / self.users as f64),
            ("everyone online after", online),
        ]))
    }
}

impl People {
    /// How long lists of conversations take.
    fn lists(&self, to: SocketAddr) -> Result<(crate::load::histogram::Histogram, u64)> {
        let users = self.users;
        crew::ask(to, self.readers, Duration::from_secs(self.secs), || {
            format!("/conversations?user={}", user_name(rand::rng().random_range(0..users)))
        })
    }

    /// Sends private messages all around the ring, at an even rate.
    fn talk(&self, ring: Ring, to: SocketAddr) -> Result<()> {
        let mut poster = Poster::connect(to)?;
        let start = clock::now();
        for seq in 0..self.messages {
            clock::pause_until(start + (f64::from(seq) / self.rate * 1e9) as u64)?;
            let (user, other) = ring.pair(seq as usize);
            let content = Mark { seq, sent: clock::now() }.content(self.bytes);
            let body =
                format!(r#"{{"user":"{user}","recipient":"{other}","content":"{content}"}}"#);
            poster.post("/messages", &body)?;
        }
        Ok(())
    }
}

/// Waits until nothing but heartbeats is written to anybody; returns how many events were by then.
fn quiet(crowd: &Crowd, metrics: &mut Poster) -> Result<f64> {
    const CALM: Duration = Duration::from_secs(3);
    let deadline = clock::now() + clock::nanos(Duration::from_secs(300));
    let (mut before, mut told) = (metrics.metric(WRITTEN)?, clock::now());
    loop {
        clock::pause(CALM)?;
        let after = metrics.metric(WRITTEN)?;
        if after == before {
            return Ok(after);
        }
        ensure!(clock::now() < deadline, "events go on and on: {}", crowd.tally());
        if clock::now() - told > clock::nanos(CALM * 2) {
            told = clock::now();
            eprintln!("    {:.0} events written, {} streams", after, crowd.tally().ready);
        }
        before = after;
    }
}
