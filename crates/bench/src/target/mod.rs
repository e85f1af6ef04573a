//! The servers that are compared, each started fresh for every measurement.

pub(crate) mod bare;
pub(crate) mod nchan;
pub(crate) mod realtalk;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;
use rustix::process::Pid;
use serde::{Deserialize, Serialize};

use crate::crowd::{Pace, Stream};
use crate::mark::Mark;

/// Which server.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Both services of RealTalk.
    Realtalk,
    /// nginx with the nchan module.
    Nchan,
    /// One write(2) per event and client, and nothing else.
    Bare,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Realtalk, Self::Nchan, Self::Bare];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Realtalk => "realtalk",
            Self::Nchan => "nchan",
            Self::Bare => "bare",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What every measurement shares.
#[derive(Clone, Debug)]
pub(crate) struct Lab {
    /// Where RealTalk's binaries are.
    pub(crate) bin_dir: PathBuf,
    pub(crate) nchan_workers: u32,
    pub(crate) pace: Pace,
}

/// A server under test that is running; dropping it stops it.
pub(crate) trait Server {
    /// What clients subscribe to.
    fn stream(&self) -> &Stream;
    /// Where posts go.
    fn publish(&self) -> &Publish;
    /// The processes whose memory and processor time count: those that hold the streams.
    fn pids(&self) -> Vec<Pid>;
}

/// How to post to a server.
#[derive(Clone, Debug)]
pub(crate) struct Publish {
    pub(crate) to: SocketAddr,
    pub(crate) path: &'static str,
    pub(crate) shape: Shape,
}

/// What a post's body looks like.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// The text and its author, from which the message service makes a message.
    Post,
    /// A finished message, which all servers pass on as it is: they send the same bytes.
    Event,
}

impl Shape {
    pub(crate) fn body(self, mark: Mark, bytes: usize) -> String {
        let content = mark.content(bytes);
        match self {
            Self::Post => format!(r#"{{"content":"{content}","user":"bench","type":"message"}}"#),
            Self::Event => format!(
                "{{\"type\":\"message\",\"id\":\"20240101120000.{:06}\",\
                 \"conversation_id\":\"public\",\"user\":\"bench\",\"content\":\"{content}\",\
                 \"timestamp\":\"2024-01-01T12:00:00.{:06}Z\"}}",
                mark.seq, mark.seq
            ),
        }
    }
}

/// Starts a server and waits until it serves.
pub(crate) fn start(kind: Kind, lab: &Lab) -> Result<Box<dyn Server>> {
    Ok(match kind {
        Kind::Realtalk => Box::new(realtalk::RealTalk::start(lab)?),
        Kind::Nchan => Box::new(nchan::Nchan::start(lab)?),
        Kind::Bare => Box::new(bare::Bare::start()?),
    })
}

/// Why a server cannot be measured on this machine, if it cannot.
pub(crate) fn absent(kind: Kind, lab: &Lab) -> Option<String> {
    match kind {
        Kind::Realtalk => realtalk::absent(lab),
        Kind::Nchan => nchan::absent(),
        Kind::Bare => None,
    }
}

/// Version and settings, for the record.
pub(crate) fn settings(kind: Kind, lab: &Lab) -> String {
    match kind {
        Kind::Realtalk => realtalk::settings(lab),
        Kind::Nchan => nchan::settings(lab),
        Kind::Bare => bare::SETTINGS.into(),
    }
}
