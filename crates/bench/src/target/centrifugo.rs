//! Centrifugo, on a configuration and folder of its own, where it is installed.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use rustix::process::Pid;
use serde_json::json;
use tempfile::TempDir;

use super::child::{Child, free_address};
use super::program;

/// What its tokens are signed with.
pub(crate) const SECRET: &str = "for-a-benchmark-on-loopback-only-0123456789";

pub(crate) struct Centrifugo {
    pub(crate) to: SocketAddr,
    child: Child,
    _folder: TempDir,
}

pub(crate) fn absent() -> Option<String> {
    program().is_none().then(|| {
        "centrifugo is not on the PATH; \
         go install github.com/centrifugal/centrifugo/v6@v6.9.1"
            .into()
    })
}

pub(crate) fn settings() -> String {
    let version = program().and_then(|program| Command::new(program).arg("version").output().ok());
    let version = version.and_then(|output| String::from_utf8(output.stdout).ok());
    let version = version.as_deref().unwrap_or("centrifugo, unknown version").trim().to_owned();
    format!("{version}, one channel named by the token, no history, memory engine")
}

fn program() -> Option<PathBuf> {
    program::find("centrifugo")
}

impl Centrifugo {
    pub(crate) fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let to = free_address()?;
        let settings = json!({
            "http_server": {"address": to.ip().to_string(), "port": to.port().to_string()},
            "client": {"token": {"hmac_secret_key": SECRET}, "allowed_origins": ["*"]},
            "uni_sse": {"enabled": true},
            "health": {"enabled": true},
            "log": {"level": "warn"},
        });
        let file = folder.path().join("centrifugo.json");
        std::fs::write(&file, settings.to_string())?;
        let mut command = Command::new(program().context("centrifugo is not on the PATH")?);
        command.arg("--config").arg(&file);
        let mut child = Child::spawn(command, folder.path(), "centrifugo")?;
        child.wait_ready(to, "/health")?;
        Ok(Self { to, child, _folder: folder })
    }

    pub(crate) fn pid(&self) -> Pid {
        self.child.pid()
    }
}
