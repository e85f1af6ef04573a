//! This program's own bare loop, as a child process.

use std::process::Command;

use anyhow::Result;
use rustix::process::Pid;
use tempfile::TempDir;

use super::child::{Child, free_address};
use super::server::{Publish, Server, Shape};
use crate::load::crowd::Stream;

pub(crate) const SETTINGS: &str =
    "one thread, epoll, one write(2) per event and client, TCP_NODELAY, heartbeat every 15 s";

pub(crate) struct Bare {
    child: Child,
    stream: Stream,
    publish: Publish,
    _folder: TempDir,
}

impl Bare {
    pub(crate) fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let to = free_address()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["bare-server", "--port", &to.port().to_string()]);
        let mut child = Child::spawn(command, folder.path(), "bare")?;
        child.wait_ready(to, "/readyz")?;
        let stream = Stream {
            to,
            also: Vec::new(),
            path: "/events".into(),
            says_ready: true,
            ids_grow: true,
            by_name: false,
        };
        let publish = Publish { to, path: "/notify", shape: Shape::Event };
        Ok(Self { child, stream, publish, _folder: folder })
    }
}

impl Server for Bare {
    fn stream(&self) -> &Stream {
        &self.stream
    }

    fn publish(&self) -> &Publish {
        &self.publish
    }

    fn pids(&self) -> Vec<Pid> {
        vec![self.child.pid()]
    }
}
