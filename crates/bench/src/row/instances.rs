//! What it costs that there are several notification services, and that posts come over Redis.

use std::time::Duration;

use anyhow::Result;

use super::figure::{Bar, Figure, Sample};
use super::{Row, post_evenly, settle};
use crate::load::crowd::{Crowd, Pace, Plan};
use crate::load::histogram::Histogram;
use crate::target::fleet::{Fleet, Order};
use crate::target::{Kind, Lab, redis};
use crate::usage;

/// How many notification services share the crowd, and what the costs of a delivery are called then.
const SIZES: [(usize, &str); 3] = [
    (1, "cpu per delivery, 1 instance"),
    (2, "cpu per delivery, 2 instances"),
    (4, "cpu per delivery, 4 instances"),
];

#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Instances {
    /// SSE streams, spread over all instances
    #[arg(long, default_value_t = Self::default().clients)]
    clients: usize,
    /// Posts to all of them
    #[arg(long, default_value_t = Self::default().posts)]
    posts: u32,
    /// Posts per second
    #[arg(long, default_value_t = Self::default().rate)]
    rate: f64,
    /// Length of each post's text
    #[arg(long, default_value_t = Self::default().bytes)]
    bytes: usize,
    /// Rounds of posts to a single stream, with Redis and without by turns
    #[arg(long, default_value_t = Self::default().rounds)]
    rounds: usize,
    /// Posts of each of these rounds, 50 per second
    #[arg(long, default_value_t = Self::default().seen)]
    seen: u32,
}

impl Default for Instances {
    fn default() -> Self {
        Self { clients: 6_000, posts: 100, rate: 10.0, bytes: 200, rounds: 4, seen: 250 }
    }
}

impl Row for Instances {
    fn name(&self) -> &'static str {
        "instances"
    }

    fn conditions(&self) -> String {
        format!(
            "{} SSE streams at 1, 2 and 4 notification services with Redis, {} posts of {} bytes at {}/s through \
             POST /messages of one message service, processor time of all notification services; then one of \
             each and one stream, {} rounds of {} posts at 50/s with Redis and as many with requests between \
             the services, by turns, from before a post to when the stream has it",
            self.clients, self.posts, self.bytes, self.rate, self.rounds, self.seen
        )
    }

    fn figures(&self) -> &'static [Figure] {
        const COST: Figure = Figure { name: "", unit: "µs", digits: 2, bars: &[] };
        const TIMES: Figure = Figure { name: "", unit: "", digits: 3, bars: &[Bar::Most(1.1)] };
        const TIME: Figure = Figure { name: "", unit: "ms", digits: 2, bars: &[] };
        &[
            Figure { name: SIZES[0].1, ..COST },
            Figure { name: SIZES[1].1, ..COST },
            Figure { name: SIZES[2].1, ..COST },
            Figure { name: "2 instances / 1", ..TIMES },
            Figure { name: "4 instances / 1", ..TIMES },
            Figure { name: "post to seen p50, requests", ..TIME },
            Figure { name: "post to seen p50, Redis", ..TIME },
            Figure { name: "Redis on top, p50", bars: &[Bar::Most(2.0)], ..TIME },
            Figure { name: "post to seen p99, requests", ..TIME },
            Figure { name: "post to seen p99, Redis", ..TIME },
            Figure { name: "Redis on top, p99", ..TIME },
        ]
    }

    fn targets(&self) -> &'static [Kind] {
        &[Kind::Realtalk]
    }

    fn missing(&self) -> Option<String> {
        redis::absent()
    }

    fn measure(&self, _: Kind, lab: &Lab) -> Result<Sample> {
        let mut sample = Sample::new();
        for (instances, name) in SIZES {
            sample.insert(name, self.cost(instances, lab)?);
        }
        let [one, two, four] = SIZES.map(|(_, name)| sample[name]);
        sample.extend([("2 instances / 1", two / one), ("4 instances / 1", four / one)]);
        let (mut requests, mut redis) = (Histogram::new(), Histogram::new());
        for _ in 0..self.rounds {
            redis.merge(&self.seen(true, lab)?);
            requests.merge(&self.seen(false, lab)?);
        }
        let [mut p50, mut p99] = [0.5, 0.99].map(|share| {
            let (requests, redis) = (requests.quantile_ms(share), redis.quantile_ms(share));
            [requests, redis, redis - requests].into_iter()
        });
        let mut take = |names: [&'static str; 3], values: &mut dyn Iterator<Item = f64>| {
            sample.extend(names.into_iter().zip(values));
        };
        take(
            ["post to seen p50, requests", "post to seen p50, Redis", "Redis on top, p50"],
            &mut p50,
        );
        take(
            ["post to seen p99, requests", "post to seen p99, Redis", "Redis on top, p99"],
            &mut p99,
        );
        Ok(sample)
    }
}

impl Instances {
    /// Microseconds of processor time for each delivery, of so many notification services together.
    fn cost(&self, instances: usize, lab: &Lab) -> Result<f64> {
        let order = Order { messages: 1, streams: instances, has_redis: true, set: Vec::new() };
        let fleet = Fleet::start(lab, order)?;
        let crowd = listen(&fleet, self.clients, self.posts, lab.pace)?;
        settle()?;
        let used = usage::processor(&fleet.stream_pids())?;
        post_evenly(&fleet.publish(), self.posts, self.bytes, self.rate)?;
        crowd.wait_complete(Duration::from_secs(30))?;
        let used = usage::processor(&fleet.stream_pids())? - used;
        let deliveries = crowd.close_faultless()?.tally.deliveries;
        Ok(used * 1e6 / deliveries as f64)
    }

    /// From before a post is sent to when a stream has it, while there is nothing else to do.
    fn seen(&self, has_redis: bool, lab: &Lab) -> Result<Histogram> {
        let fleet =
            Fleet::start(lab, Order { messages: 1, streams: 1, has_redis, set: Vec::new() })?;
        let crowd = listen(&fleet, 1, self.seen, lab.pace)?;
        settle()?;
        post_evenly(&fleet.publish(), self.seen, self.bytes, 50.0)?;
        crowd.wait_complete(Duration::from_secs(10))?;
        Ok(crowd.close_faultless()?.latency)
    }
}

/// Streams at all notification services in turn.
fn listen(fleet: &Fleet, clients: usize, expect: u32, pace: Pace) -> Result<Crowd> {
    let stream = fleet.stream();
    Crowd::open(&Plan { first: 0, clients, stream, expect, reconnect: false, pace })
}
