//! [`Service`]: one of RealTalk's two programs as a child process; [`Deployment`]: what all of them share.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use rand::distr::{Alphanumeric, SampleString};
use rustix::process::Pid;
use tempfile::TempDir;

use super::child::Child;
use super::lab::Lab;

pub(super) const MESSAGE: &str = "message-service";
pub(super) const NOTIFICATION: &str = "realtime-ntfn";

/// A data folder, secrets and settings.
pub(super) struct Deployment {
    bin_dir: PathBuf,
    secrets: [String; 2],
    /// Settings that are not the defaults.
    set: Vec<(&'static str, String)>,
    folder: TempDir,
}

/// One that runs; dropping it stops it.
pub(crate) struct Service {
    name: &'static str,
    at: SocketAddr,
    child: Child,
}

impl Deployment {
    pub(super) fn new(lab: &Lab, set: Vec<(&'static str, String)>) -> Result<Self> {
        let secret = || Alphanumeric.sample_string(&mut rand::rng(), 48);
        Ok(Self {
            bin_dir: lab.bin_dir.clone(),
            secrets: [secret(), secret()],
            set,
            folder: tempfile::tempdir()?,
        })
    }

    /// Starts the program of this name, which finds the other kind at `others`.
    pub(super) fn spawn(
        &self,
        name: &'static str,
        at: SocketAddr,
        others: &[SocketAddr],
    ) -> Result<Service> {
        let mut command = Command::new(self.bin_dir.join(name));
        let others_are = match name {
            MESSAGE => "NOTIFICATION_SERVICE_URL",
            _ => "MESSAGE_SERVICE_URL",
        };
        let urls: Vec<_> = others.iter().map(|other| format!("http://{other}")).collect();
        // Nothing but these: a setting in the caller's environment would change what is measured.
        command
            .env_clear()
            .env("HOST", at.ip().to_string())
            .env("PORT", at.port().to_string())
            .env("DATA_DIR", self.folder.path())
            .env("INTERNAL_SECRET", &self.secrets[0])
            .env("JWT_SECRET", &self.secrets[1])
            .env(others_are, urls.join(","))
            .env("RUST_LOG", "warn")
            .envs(self.set.iter().map(|(name, value)| (*name, value)));
        let log = format!("{name}-{}", at.port());
        Ok(Service { name, at, child: Child::spawn(command, self.folder.path(), &log)? })
    }
}

impl Service {
    /// Where it listens.
    pub(crate) fn at(&self) -> SocketAddr {
        self.at
    }

    pub(crate) fn pid(&self) -> Pid {
        self.child.pid()
    }

    pub(super) fn wait_ready(&mut self) -> Result<()> {
        self.child.wait_ready(self.at, "/readyz")
    }

    /// Ends it as a crash would.
    pub(super) fn kill(&mut self) -> Result<()> {
        self.child.kill()
    }

    /// Starts it again where it was, and waits until it serves.
    pub(super) fn restart(&mut self, of: &Deployment, others: &[SocketAddr]) -> Result<()> {
        *self = of.spawn(self.name, self.at, others)?;
        self.wait_ready()
    }

    /// Asks it to end, and does not wait.
    pub(super) fn dismiss(&mut self) {
        self.child.dismiss();
    }
}
