//! Both services of RealTalk, on a fresh data folder, each pointing at the other.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use rand::distr::{Alphanumeric, SampleString};
use rustix::process::Pid;
use tempfile::TempDir;

use super::child::{Child, free_address};
use super::lab::Lab;
use super::server::{Publish, Server, Shape};
use crate::load::crowd::Stream;

const MESSAGE: &str = "message-service";
const NOTIFICATION: &str = "realtime-ntfn";

pub(crate) struct RealTalk {
    stream: Stream,
    publish: Publish,
    message_address: SocketAddr,
    message: Child,
    notification: Child,
    bin_dir: PathBuf,
    secret: String,
    /// Settings that are not the defaults.
    set: Vec<(&'static str, String)>,
    folder: TempDir,
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
        let folder = tempfile::tempdir()?;
        let (message_address, to) = (free_address()?, free_address()?);
        let secret = Alphanumeric.sample_string(&mut rand::rng(), 48);
        let spawn =
            |name, own, other| service(&lab.bin_dir, &folder, &secret, &set, name, own, other);
        let mut message = spawn(MESSAGE, message_address, to)?;
        // real-time-ntfn is ready only once it has reached the message service.
        let mut notification = spawn(NOTIFICATION, to, message_address)?;
        message.wait_ready(message_address, "/readyz")?;
        notification.wait_ready(to, "/readyz")?;
        Ok(Self {
            stream: Stream {
                to,
                path: "/events".into(),
                says_ready: true,
                ids_grow: true,
                by_name: false,
            },
            publish: Publish { to, path: "/notify", shape: Shape::Event },
            message_address,
            message,
            notification,
            bin_dir: lab.bin_dir.clone(),
            secret,
            set,
            folder,
        })
    }

    /// Where the message service listens.
    pub(crate) fn message_address(&self) -> SocketAddr {
        self.message_address
    }

    /// The process of the message service.
    pub(crate) fn message_pid(&self) -> Pid {
        self.message.pid()
    }

    /// The process of real-time-ntfn.
    pub(crate) fn stream_pid(&self) -> Pid {
        self.notification.pid()
    }

    /// Ends real-time-ntfn as a crash would.
    pub(crate) fn kill_notification(&mut self) -> Result<()> {
        self.notification.kill()
    }

    /// Starts real-time-ntfn again where it was, and waits until it serves.
    pub(crate) fn restart_notification(&mut self) -> Result<()> {
        let to = self.stream.to;
        self.notification = service(
            &self.bin_dir,
            &self.folder,
            &self.secret,
            &self.set,
            NOTIFICATION,
            to,
            self.message_address,
        )?;
        self.notification.wait_ready(to, "/readyz")
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
        vec![self.notification.pid()]
    }
}

fn service(
    bin_dir: &std::path::Path,
    folder: &TempDir,
    secret: &str,
    set: &[(&'static str, String)],
    name: &str,
    own: SocketAddr,
    other: SocketAddr,
) -> Result<Child> {
    let mut command = Command::new(bin_dir.join(name));
    let other_is = match name {
        MESSAGE => "NOTIFICATION_SERVICE_URL",
        _ => "MESSAGE_SERVICE_URL",
    };
    // Nothing but these: a setting in the caller's environment would change what is measured.
    command
        .env_clear()
        .env("HOST", own.ip().to_string())
        .env("PORT", own.port().to_string())
        .env("DATA_DIR", folder.path())
        .env("INTERNAL_SECRET", secret)
        .env(other_is, format!("http://{other}"))
        .env("RUST_LOG", "warn")
        .envs(set.iter().map(|(name, value)| (*name, value)));
    Child::spawn(command, folder.path(), name)
}
