//! A child process: started with its output in a file, stopped by its own pid, measured in `/proc`.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::load::poster::Poster;
use crate::{clock, interrupt};

/// How long a child may take to end after SIGTERM.
const GRACE: Duration = Duration::from_secs(5);

pub(crate) struct Child {
    inner: std::process::Child,
    log: PathBuf,
}

impl Child {
    /// Starts `command` with both outputs in `<folder>/<name>.log`.
    pub(crate) fn spawn(mut command: Command, folder: &Path, name: &str) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let output = File::options().create(true).append(true).open(&log)?;
        command.stdin(std::process::Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let inner = command.spawn().with_context(|| format!("start {name}: {command:?}"))?;
        Ok(Self { inner, log })
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.inner)
    }

    /// Waits until `GET path` answers 200.
    pub(crate) fn wait_ready(&mut self, at: SocketAddr, path: &str) -> Result<()> {
        self.wait(&format!("{at}{path}"), || {
            let answer = Poster::connect(at).and_then(|mut poster| poster.get(path));
            answer.is_ok_and(|answer| answer.status == 200)
        })
    }

    /// Waits until it takes connections.
    pub(crate) fn wait_open(&mut self, at: SocketAddr) -> Result<()> {
        self.wait(&format!("{at}"), || TcpStream::connect(at).is_ok())
    }

    fn wait(&mut self, what: &str, is_ready: impl Fn() -> bool) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            interrupt::check()?;
            if is_ready() {
                return Ok(());
            }
            let ended = self.inner.try_wait()?;
            if ended.is_some() || Instant::now() > deadline {
                bail!(
                    "{what} is not ready ({}); its log ends:\n{}",
                    ended.map_or("still running after 30 s".into(), |status| status.to_string()),
                    self.log_end()
                );
            }
            clock::pause(Duration::from_millis(20))?;
        }
    }

    /// Asks it to end, and does not wait.
    pub(crate) fn dismiss(&mut self) {
        if matches!(self.inner.try_wait(), Ok(Some(_))) {
            return;
        }
        // Not reaped yet, so the pid is still its own.
        let _ = kill_process(self.pid(), Signal::TERM);
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.inner.kill()?;
        self.inner.wait()?;
        Ok(())
    }

    /// The last lines it wrote.
    pub(crate) fn log_end(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.dismiss();
        let deadline = Instant::now() + GRACE;
        while Instant::now() < deadline {
            if matches!(self.inner.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.inner.kill();
        let _ = self.inner.wait();
    }
}

/// An address on 127.0.0.1 whose port nobody uses now.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// So many of them, all different.
pub(crate) fn free_addresses(count: usize) -> Result<Vec<SocketAddr>> {
    let bind = |_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let held = (0..count).map(bind).collect::<std::io::Result<Vec<_>>>()?;
    Ok(held.iter().map(TcpListener::local_addr).collect::<std::io::Result<_>>()?)
}
