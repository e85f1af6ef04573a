//! [`Server`]: a PostgreSQL server of a test's own, which can be killed, started again, and followed by another.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{database::on_server, deadline::until, process::free_port};

/// A server, in a folder of its own.
pub(crate) struct Server {
    folder: TempDir,
    port: u16,
    settings: String,
}

impl Server {
    /// A server that runs, with a database that is called `chat`. What is committed is on its disk.
    pub(crate) async fn start() -> Self {
        let server = Self::new();
        server.run(
            "initdb",
            &["-U", "realtalk", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
        );
        server.spawn().await;
        server.execute("postgres", "create database chat");
        server
    }

    /// A standby of this server, which from now on commits nothing that the standby does not have.
    pub(crate) async fn follow(&mut self) -> Self {
        let standby = Self::new();
        let port = self.port.to_string();
        let from = ["-h", "127.0.0.1", "-p", &port, "-U", "realtalk", "-R", "-c", "fast"];
        standby.run("pg_basebackup", &from);
        standby.spawn().await;
        self.set_standbys("*");
        let state = "select count(*) from pg_stat_replication where sync_state = 'sync'";
        until("the standby is synchronous", async || {
            (self.execute("postgres", state) == 1).then_some(())
        })
        .await;
        standby
    }

    /// Which standbys are to have what is committed.
    fn set_standbys(&self, names: &str) {
        let set = format!("alter system set synchronous_standby_names = '{names}'");
        self.execute("postgres", &set);
        self.execute("postgres", "select 1 from pg_reload_conf()");
    }

    /// Where it is: host and port.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Ends all its processes on the spot, as a crash does: the others end when they miss the first.
    pub(crate) fn kill(&self) {
        kill_process(self.pid(), Signal::KILL).unwrap();
    }

    /// Has all its processes do nothing, as if the machine were cut off: connections stay.
    pub(crate) fn stop(&self) {
        self.signal_all(Signal::STOP);
    }

    pub(crate) fn resume(&self) {
        self.signal_all(Signal::CONT);
    }

    fn signal_all(&self, signal: Signal) {
        let first = self.pid();
        kill_process(first, signal).unwrap();
        let children = format!("/proc/{0}/task/{0}/children", first.as_raw_nonzero());
        for pid in std::fs::read_to_string(children).unwrap().split_whitespace() {
            let pid = Pid::from_raw(pid.parse().unwrap()).unwrap();
            // One of them may just have ended.
            kill_process(pid, signal).ok();
        }
    }

    fn pid(&self) -> Pid {
        let file = std::fs::read_to_string(self.data().join("postmaster.pid")).unwrap();
        let pid = file.lines().next().and_then(|line| line.parse().ok()).and_then(Pid::from_raw);
        pid.unwrap()
    }

    /// Starts it, again if it has been killed.
    pub(crate) async fn spawn(&self) {
        let log = self.folder.path().join("log");
        let (log, options) = (log.to_str().unwrap(), self.settings.as_str());
        // The processes of the one that was killed may have to notice it first.
        until("the database server starts", async || {
            let start = ["-l", log, "-o", options, "-w", "start"];
            self.command("pg_ctl", &start).output().unwrap().status.success().then_some(())
        })
        .await;
    }

    /// Makes a standby the one that writes, and waits for no standby itself.
    pub(crate) fn promote(&self) {
        self.set_standbys("");
        self.run("pg_ctl", &["-w", "promote"]);
    }

    /// Carries out a statement in a database, and returns the number that it gives, if any.
    pub(crate) fn execute(&self, database: &str, statement: &str) -> i64 {
        let url = format!("postgres://realtalk@{}/{database}", self.address());
        on_server(&url, statement).unwrap()
    }

    fn new() -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        if rustix::process::getuid().is_root() {
            let own = Command::new("chown").arg("postgres").arg(folder.path()).status();
            assert!(own.unwrap().success());
        }
        let socket = folder.path().display();
        let settings = format!("-p {port} -k {socket} -c listen_addresses=127.0.0.1");
        Self { folder, port, settings }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let output = self.command(program, arguments).output().unwrap();
        assert!(output.status.success(), "{program}: {output:?}");
    }

    /// A program of the server's; it does not run as root.
    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let program = programs().join(program);
        let mut command = if rustix::process::getuid().is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.arg("-D").arg(self.data()).args(arguments).current_dir("/");
        command.stdout(std::process::Stdio::null());
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.command("pg_ctl", &["-m", "immediate", "-w", "stop"]).output().ok();
    }
}

/// Where the programs of the server are: `scripts/with-postgres.sh` says it.
fn programs() -> PathBuf {
    #[derive(serde::Deserialize)]
    struct Env {
        postgres_programs: PathBuf,
    }
    envy::from_env::<Env>()
        .map(|env| env.postgres_programs)
        .unwrap_or_else(|_| Path::new("run this by scripts/with-postgres.sh").to_owned())
}
