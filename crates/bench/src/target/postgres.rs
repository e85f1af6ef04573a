//! A PostgreSQL server in a fresh folder, on a port of its own, with the server's own settings: what is committed is
//! on the disk.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::Pid;
use tempfile::TempDir;

use super::child::free_address;
use super::program;
use crate::{interrupt, usage};

/// Where Debian has them, outside of `PATH`.
const DEBIAN: &str = "/usr/lib/postgresql";

/// Who runs it where this program is root's, which the server refuses to be.
const USER: &str = "postgres";

pub(crate) struct Postgres {
    at: SocketAddr,
    folder: TempDir,
    programs: PathBuf,
}

/// Why there can be none on this machine.
pub(crate) fn absent() -> Option<String> {
    programs().is_none().then(|| format!("initdb is neither in {DEBIAN} nor on the PATH"))
}

/// The folder of the server's programs, of its newest version.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    let version = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions.map(|entry| entry.path()).max_by_key(version);
    let folder = newest.map(|path| path.join("bin")).filter(|path| path.join("initdb").is_file());
    folder.or_else(|| Some(program::find("initdb")?.canonicalize().ok()?.parent()?.to_owned()))
}

impl Postgres {
    pub(crate) fn start() -> Result<Self> {
        let programs = programs().context("no programs of PostgreSQL")?;
        let server = Self { at: free_address()?, folder: tempfile::tempdir()?, programs };
        let folder = server.folder.path();
        if rustix::process::getuid().is_root() {
            std::os::unix::fs::chown(folder, Some(uid_of(USER)?), None)?;
        }
        server
            .run("initdb", &["-U", "realtalk", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8"])?;
        let log = folder.join("log");
        let options = format!(
            "-p {} -k {} -c listen_addresses=127.0.0.1",
            server.at.port(),
            folder.display()
        );
        let log = log.to_str().context("an odd folder")?;
        server.run("pg_ctl", &["-l", log, "-o", &options, "-w", "start"])?;
        Ok(server)
    }

    /// Makes a database, and returns where it is, as `DATABASE_URL` has it.
    pub(crate) fn create(&self, database: &str) -> Result<String> {
        let url = |database| format!("postgres://realtalk@{}/{database}", self.at);
        let make = format!("create database {database}");
        let mut command = Command::new(self.programs.join("psql"));
        command.args(["--no-psqlrc", "--quiet", "--dbname", &url("postgres"), "--command", &make]);
        let made = command.output().context("psql")?;
        ensure!(made.status.success(), "psql: {}", String::from_utf8_lossy(&made.stderr));
        Ok(url(database))
    }

    /// Processor time of all its processes so far, in seconds.
    pub(crate) fn processor(&self) -> Result<f64> {
        let first = std::fs::read_to_string(self.folder.path().join("data/postmaster.pid"))?;
        let first = first.lines().next().and_then(|line| Pid::from_raw(line.parse().ok()?));
        usage::family_processor_of(first.context("an odd postmaster.pid")?)
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<()> {
        interrupt::check()?;
        let output =
            self.command(program, arguments).output().with_context(|| program.to_owned())?;
        if !output.status.success() {
            let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            bail!("{program}: {}{log}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }

    /// A program of the server's, as who may run it.
    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let program = self.programs.join(program);
        let mut command = if rustix::process::getuid().is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", USER, "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        // What it starts keeps its outputs for as long as it runs: nobody waits for their end.
        command.arg("-D").arg(self.folder.path().join("data")).args(arguments).current_dir("/");
        command.stdout(Stdio::null());
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // A server that was never started has nothing to stop.
        let _ = self.command("pg_ctl", &["-m", "immediate", "-w", "stop"]).output();
    }
}

fn uid_of(user: &str) -> Result<u32> {
    let users = std::fs::read_to_string("/etc/passwd")?;
    let line = users.lines().find_map(|line| line.strip_prefix(user)?.strip_prefix(":"));
    let uid = line.and_then(|line| line.split(':').nth(1)?.parse().ok());
    uid.with_context(|| format!("there is no user {user}"))
}
