//! Both services of RealTalk, on a fresh data folder, each pointing at the other.

use std::net::SocketAddr;
use std::process::Command;

use anyhow::Result;
use rustix::process::Pid;

use super::fleet::{Fleet, Order};
use super::lab::Lab;
use super::server::{Publish, Server, Shape};
use super::service::{MESSAGE, NOTIFICATION};
use crate::load::crowd::Stream;

pub(crate) struct RealTalk {
    stream: Stream,
    publish: Publish,
    fleet: Fleet,
}

pub(crate) fn absent(lab: &Lab) -> Option<String> {
    let path = [MESSAGE, NOTIFICATION]
        .into_iter()
        .map(|name| lab.bin_dir.join(name))
        .find(|path| !path.exists())?;
    Some(format!(
        "{} is missing; cargo build --release -p {MESSAGE} -p {NOTIFICATION}, or --bin-dir",
        path.display()
    ))
}

pub(crate) fn settings(lab: &Lab) -> String {
    let version = Command::new(lab.bin_dir.join(NOTIFICATION))
        .arg("--version")
        .output()
        .ok()
        .filter(|output| output.status.success())
        .and_then(|output| String::from_utf8(output.stdout).ok());
    let version = version.as_deref().map_or(NOTIFICATION, str::trim);
    format!("{version}, default settings, open mode, SQLite with fsync before every 201")
}

impl RealTalk {
    /// Both services with default settings.
    pub(crate) fn start(lab: &Lab) -> Result<Self> {
        Self::start_with(lab, Vec::new())
    }

    /// Both services with these settings.
    pub(crate) fn start_with(lab: &Lab, set: Vec<(&'static str, String)>) -> Result<Self> {
        let one_of_each = Order { messages: 1, streams: 1, has_redis: false, set };
        let fleet = Fleet::start(lab, one_of_each)?;
        let stream = fleet.stream();
        let publish = Publish { to: stream.to, path: "/notify", shape: Shape::Event };
        Ok(Self { stream, publish, fleet })
    }

    /// Where the message service listens.
    pub(crate) fn message_address(&self) -> SocketAddr {
        self.fleet.messages()[0].at()
    }

    /// The process of the message service.
    pub(crate) fn message_pid(&self) -> Pid {
        self.fleet.messages()[0].pid()
    }

    /// The process of real-time-ntfn.
    pub(crate) fn stream_pid(&self) -> Pid {
        self.fleet.streams()[0].pid()
    }

    /// Ends real-time-ntfn as a crash would.
    pub(crate) fn kill_notification(&mut self) -> Result<()> {
        self.fleet.kill_stream(0)
    }

    /// Starts real-time-ntfn again where it was, and waits until it serves.
    pub(crate) fn restart_notification(&mut self) -> Result<()> {
        self.fleet.restart_stream(0)
    }
}

impl Server for RealTalk {
    fn stream(&self) -> &Stream {
        &self.stream
    }

    fn publish(&self) -> &Publish {
        &self.publish
    }

    fn pids(&self) -> Vec<Pid> {
        vec![self.stream_pid()]
    }
}
