//! The command line.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

use crate::load::crowd::Pace;
use crate::report::markdown;
use crate::row::{
    Row, arrivals, burst, crowd, idle, instances, people, post, presence, rude, slow, steady,
    storm, suite, writers,
};
use crate::target::{Kind, Lab};

/// Measures RealTalk beside nginx's nchan and a bare write(2) loop, on this machine's loopback.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Servers to measure
    #[arg(long, global = true, value_delimiter = ',', default_values_t = Kind::ALL)]
    pub(crate) targets: Vec<Kind>,

    /// Measurements of each server; the table shows their medians
    #[arg(long, global = true, default_value_t = 1)]
    pub(crate) runs: usize,

    /// Also write everything to this file
    #[arg(long, global = true)]
    pub(crate) json: Option<PathBuf>,

    /// Where message-service and realtime-ntfn are [default: where this program is]
    #[arg(long, global = true)]
    bin_dir: Option<PathBuf>,

    /// nginx worker processes
    #[arg(long, global = true, default_value_t = 1)]
    nchan_workers: u32,

    /// Threads of the load generator
    #[arg(long, global = true, default_value_t = 2)]
    threads: usize,

    /// New connections per second
    #[arg(long, global = true, default_value_t = 5_000)]
    connect_rate: u32,

    /// Connections being opened at a time
    #[arg(long, global = true, default_value_t = 200)]
    outstanding: usize,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Memory and processor time of clients that receive only heartbeats
    Idle(idle::Idle),
    /// Deliveries per second when posts come back to back
    Burst(burst::Burst),
    /// Processor time and latency per delivery at an even rate
    Steady(steady::Steady),
    /// Durable posts per second, and the time from post to seen
    Post(post::Post),
    /// Everyone reconnects after a crash
    Storm(storm::Storm),
    /// Some clients never read
    Slow(slow::Slow),
    /// Many users online: their lists, and private messages between two of them
    People(people::People),
    /// Everybody opens a stream at once
    Arrivals(arrivals::Arrivals),
    /// Somebody takes all that one address can get, beside ordinary clients
    Rude(rude::Rude),
    /// More streams than one process may have, at several notification services
    Crowd(crowd::Crowd),
    /// What a delivery costs at several notification services, and how long Redis takes
    Instances(instances::Instances),
    /// Durable posts per second of several message services on PostgreSQL, beside one on SQLite
    Writers(writers::Writers),
    /// Users who move between notification services, and what these say of who is there
    Presence(presence::Presence),
    /// All four of several instances, with their default sizes
    Fleet,
    /// Every row of one instance with its default size
    All {
        /// A third of the seconds with the same clients: sooner done, more scatter
        #[arg(long)]
        quick: bool,
    },
    /// Turns files written by --json into a Markdown table
    Report(markdown::Report),
    /// The bare loop itself
    #[command(hide = true)]
    BareServer {
        #[arg(long)]
        port: u16,
    },
    /// A part of a crowd, as JSON
    #[command(hide = true)]
    CrowdPart { plan: String },
}

impl Args {
    pub(crate) fn lab(&self) -> Result<Lab> {
        let own_folder = || -> Result<PathBuf> {
            let own = std::env::current_exe()?;
            Ok(own.parent().context("a program outside any folder")?.to_owned())
        };
        Ok(Lab {
            bin_dir: self.bin_dir.clone().map_or_else(own_folder, Ok)?,
            nchan_workers: self.nchan_workers,
            pace: Pace {
                threads: self.threads,
                per_second: self.connect_rate,
                outstanding: self.outstanding,
            },
        })
    }
}

impl Command {
    /// The rows it asks for.
    pub(crate) fn rows(self) -> Vec<Box<dyn Row>> {
        match self {
            Self::Idle(row) => vec![Box::new(row)],
            Self::Burst(row) => vec![Box::new(row)],
            Self::Steady(row) => vec![Box::new(row)],
            Self::Post(row) => vec![Box::new(row)],
            Self::Storm(row) => vec![Box::new(row)],
            Self::Slow(row) => vec![Box::new(row)],
            Self::People(row) => vec![Box::new(row)],
            Self::Arrivals(row) => vec![Box::new(row)],
            Self::Rude(rude) => rude.rows().map(|row| -> Box<dyn Row> { Box::new(row) }).collect(),
            Self::Crowd(row) => vec![Box::new(row)],
            Self::Instances(row) => vec![Box::new(row)],
            Self::Writers(row) => vec![Box::new(row)],
            Self::Presence(row) => vec![Box::new(row)],
            Self::Fleet => suite::fleet(),
            Self::All { quick } => suite::rows(quick),
            Self::Report(_) | Self::BareServer { .. } | Self::CrowdPart { .. } => Vec::new(),
        }
    }

    /// Whether it asks for less than the default sizes, which is a condition of its own.
    pub(crate) fn quick(&self) -> bool {
        match self {
            Self::All { quick } => *quick,
            Self::Rude(rude) => rude.is_quick(),
            _ => false,
        }
    }
}
