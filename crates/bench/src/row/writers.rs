//! How many durable posts several message services take together, on one PostgreSQL server, beside one on a file.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::figure::{Bar, Figure, Sample};
use super::{Row, post, settle};
use crate::load::mark::Mark;
use crate::load::poster::Poster;
use crate::load::{http, volley};
use crate::target::fleet::{Fleet, Order};
use crate::target::postgres::{self, Postgres};
use crate::target::{Kind, Lab, Shape, redis};
use crate::usage;

#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Writers {
    /// Connections, spread over all message services
    #[arg(long, default_value_t = Self::default().connections)]
    connections: usize,
    /// How long each of the four is under load
    #[arg(long, default_value_t = Self::default().secs)]
    secs: u64,
    /// Length of each post's text
    #[arg(long, default_value_t = Self::default().bytes)]
    bytes: usize,
    /// What is posted is told over Redis, instead of by requests to the notification service
    #[arg(long)]
    redis: bool,
    /// Nobody is told what is posted: there is no notification service
    #[arg(long, conflicts_with = "redis")]
    alone: bool,
}

impl Default for Writers {
    fn default() -> Self {
        Self { connections: 256, secs: 10, bytes: 200, redis: false, alone: false }
    }
}

/// So many message services on a database, and what their figures are called.
struct Setting {
    services: usize,
    is_on_postgres: bool,
    /// Posts per second.
    rate: &'static str,
    /// Posts in one commit, on average.
    batch: &'static str,
    /// Time of one commit, on average.
    commit: &'static str,
    /// Processor time of the services for each post, that of the notification service as well.
    services_cpu: &'static str,
    /// Processor time of the database server for each post.
    database_cpu: &'static str,
    /// How much of a processor the load generator takes.
    load: &'static str,
}

/// The names of a setting's figures.
macro_rules! setting {
    ($services:literal, $is_on_postgres:literal, $name:literal) => {
        Setting {
            services: $services,
            is_on_postgres: $is_on_postgres,
            rate: concat!($name, ": posts"),
            batch: concat!($name, ": posts per commit"),
            commit: concat!($name, ": time of a commit"),
            services_cpu: concat!($name, ": cpu of services per post"),
            database_cpu: concat!($name, ": cpu of the server per post"),
            load: concat!($name, ": load generator"),
        }
    };
}

const SETTINGS: [Setting; 4] = [
    setting!(1, false, "SQLite"),
    setting!(1, true, "PostgreSQL, 1 service"),
    setting!(2, true, "PostgreSQL, 2 services"),
    setting!(3, true, "PostgreSQL, 3 services"),
];

impl Setting {
    const fn figures(&self) -> [Figure; 6] {
        const fn figure(name: &'static str, unit: &'static str, digits: usize) -> Figure {
            Figure { name, unit, digits, bars: &[] }
        }
        [
            figure(self.rate, "1/s", 0),
            figure(self.batch, "", 1),
            figure(self.commit, "ms", 2),
            figure(self.services_cpu, "µs", 1),
            figure(self.database_cpu, "µs", 1),
            figure(self.load, "%", 0),
        ]
    }
}

impl Row for Writers {
    fn name(&self) -> &'static str {
        "writers"
    }

    fn conditions(&self) -> String {
        let told = match (self.alone, self.redis) {
            (true, _) => "no notification service",
            (_, true) => "one notification service, by Redis",
            _ => "one notification service, by requests",
        };
        format!(
            "{} keep-alive connections for {} s with posts of {} bytes, to one message service on SQLite and to 1, \
             2 and 3 of them on PostgreSQL with its own settings (fsync, synchronous_commit), each on a fresh \
             server; {told}; the load generator is one thread",
            self.connections, self.secs, self.bytes
        )
    }

    fn figures(&self) -> &'static [Figure] {
        const RATIOS: [Figure; 2] = [
            Figure {
                name: "PostgreSQL / SQLite, 1 service",
                unit: "%",
                digits: 0,
                bars: &[Bar::Least(50.0)],
            },
            Figure { name: "3 services / 1", unit: "", digits: 2, bars: &[Bar::Least(1.0)] },
        ];
        const ALL: [Figure; 26] = {
            let mut all = [RATIOS[0]; 26];
            all[1] = RATIOS[1];
            let mut at = 2;
            while at < all.len() {
                all[at] = SETTINGS[(at - 2) / 6].figures()[(at - 2) % 6];
                at += 1;
            }
            all
        };
        &ALL
    }

    fn targets(&self) -> &'static [Kind] {
        &[Kind::Realtalk]
    }

    fn missing(&self) -> Option<String> {
        postgres::absent().or_else(|| self.redis.then(redis::absent).flatten())
    }

    fn measure(&self, _: Kind, lab: &Lab) -> Result<Sample> {
        let mut sample = Sample::new();
        for setting in &SETTINGS {
            self.fire(setting, lab, &mut sample)?;
            eprintln!("    {} {:.0}", setting.rate, sample[setting.rate]);
        }
        let rate = |setting: usize| sample[SETTINGS[setting].rate];
        let (share, times) = (rate(1) / rate(0) * 100.0, rate(3) / rate(1));
        sample.extend([("PostgreSQL / SQLite, 1 service", share), ("3 services / 1", times)]);
        Ok(sample)
    }
}

impl Writers {
    /// Posts as fast as answers come, to the services of a setting.
    fn fire(&self, setting: &Setting, lab: &Lab, sample: &mut Sample) -> Result<()> {
        // A server of its own: what the one before has left to be done would cost this one.
        let server = setting.is_on_postgres.then(Postgres::start).transpose()?;
        let url = server.as_ref().map(|server| server.create("bench")).transpose()?;
        let fleet = Fleet::start(
            lab,
            Order {
                messages: setting.services,
                streams: usize::from(!self.alone),
                has_redis: self.redis,
                set: url.map(|url| ("DATABASE_URL", url)).into_iter().collect(),
            },
        )?;
        settle()?;
        let used = || -> Result<[f64; 3]> {
            let of_server = server.as_ref().map_or(Ok(0.0), Postgres::processor)?;
            Ok([usage::processor(&fleet.pids())?, of_server, usage::own_processor()?])
        };
        let before = used()?;
        let body = Shape::Post.body(Mark { seq: 0, sent: 0 }, self.bytes);
        let addresses = fleet.messages().iter().map(|service| service.at());
        let requests: Vec<_> =
            addresses.map(|to| (to, http::request("POST", to, "/messages", "", &body))).collect();
        let duration = Duration::from_secs(self.secs);
        let posts = volley::run(&requests, self.connections, duration, 201)?;
        let after = used()?;
        let [services, database, load] = [0, 1, 2].map(|of| after[of] - before[of]);
        let stored = post::last_seq(requests[0].0)?;
        ensure!(
            stored == posts.answers,
            "{} posts were answered 201, but the last one stored is number {stored}",
            posts.answers
        );
        let (count, commits) = (posts.answers as f64, Commits::of(&fleet)?);
        sample.extend([
            (setting.rate, count / posts.seconds),
            (setting.batch, commits.posts / commits.count),
            (setting.commit, commits.seconds / commits.count * 1e3),
            (setting.services_cpu, services * 1e6 / count),
            (setting.database_cpu, database * 1e6 / count),
            (setting.load, load / posts.seconds * 100.0),
        ]);
        Ok(())
    }
}

/// What message services have committed so far, together.
#[derive(Default)]
struct Commits {
    posts: f64,
    count: f64,
    seconds: f64,
}

impl Commits {
    fn of(fleet: &Fleet) -> Result<Self> {
        let mut all = Self::default();
        for service in fleet.messages() {
            let mut metrics = Poster::connect(service.at())?;
            let mut add = |sum: &mut f64, name: &str| -> Result<()> {
                *sum += metrics.metric(name).context("a message service")?;
                Ok(())
            };
            add(&mut all.posts, "realtalk_commit_posts_sum")?;
            add(&mut all.count, "realtalk_commit_posts_count")?;
            add(&mut all.seconds, "realtalk_commit_seconds_sum")?;
        }
        Ok(all)
    }
}
