//! A Redis server that stores nothing, on a port of its own.

use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Context, Result};
use rustix::process::Pid;
use tempfile::TempDir;

use super::child::{Child, free_address};
use super::program;

const PROGRAM: &str = "redis-server";

pub(crate) struct Redis {
    at: SocketAddr,
    child: Child,
    _folder: TempDir,
}

/// Why there can be none on this machine.
pub(crate) fn absent() -> Option<String> {
    program::find(PROGRAM).is_none().then(|| format!("{PROGRAM} is not on the PATH"))
}

impl Redis {
    pub(crate) fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let at = free_address()?;
        let mut command =
            Command::new(program::find(PROGRAM).context("redis-server is not on the PATH")?);
        command
            .args(["--bind", "127.0.0.1", "--port", &at.port().to_string()])
            .args(["--save", "", "--appendonly", "no"])
            .arg("--dir")
            .arg(folder.path());
        let mut child = Child::spawn(command, folder.path(), PROGRAM)?;
        child.wait_open(at)?;
        Ok(Self { at, child, _folder: folder })
    }

    /// As `REDIS_URL` has it.
    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.at)
    }

    pub(crate) fn pid(&self) -> Pid {
        self.child.pid()
    }
}
