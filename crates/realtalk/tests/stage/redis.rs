//! [`Redis`]: a Redis server of a test's own, which can be killed, stopped, and started again with nothing in it.

use std::{
    fs::File,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Mutex,
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{deadline::until, process::free_port};

/// Whether there is one on this machine; without it, who asks says that nothing was tested.
pub(crate) fn is_installed() -> bool {
    let version = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status();
    let is_installed = version.is_ok_and(|status| status.success());
    if !is_installed {
        eprintln!("skipped: there is no redis-server here");
    }
    is_installed
}

/// A server, in a folder of its own. It keeps nothing when it ends.
pub(crate) struct Redis {
    folder: TempDir,
    port: u16,
    /// As whom it is spoken to, and in which way.
    scheme: &'static str,
    user: &'static str,
    settings: Vec<String>,
    child: Mutex<Option<Child>>,
}

/// What a user of RealTalk's may do, as the guide has it.
pub(crate) const RIGHTS: &str = "~realtalk:* &realtalk:* +ping +subscribe +publish +eval +hget +hset \
                                 +hdel +hgetall +del +pttl +pexpire +sadd +srem +smembers";

impl Redis {
    /// A server that runs, and lets everybody in.
    pub(crate) async fn start() -> Self {
        let port = free_port();
        let redis = Self::new(port, "redis", "", vec!["--port".to_owned(), port.to_string()]);
        redis.spawn().await;
        redis
    }

    /// One that speaks TLS only, with a certificate of an authority of its own, and only to a user with a password,
    /// who may do nothing but what is needed.
    pub(crate) async fn guarded() -> Self {
        let port = free_port();
        let mut redis = Self::new(port, "rediss", "realtalk:open%40sesame@", Vec::new());
        let path = |file: &str| redis.folder.path().join(file).display().to_string();
        make_certificates(redis.folder.path());
        let rights = RIGHTS.split_whitespace().collect::<Vec<_>>().join(" ");
        let acl = format!("user default off\nuser realtalk on >open@sesame {rights}\n");
        std::fs::write(path("users.acl"), acl).unwrap();
        let settings = [
            ("--port", "0".to_owned()),
            ("--tls-port", port.to_string()),
            ("--tls-cert-file", path("server.crt")),
            ("--tls-key-file", path("server.key")),
            ("--tls-ca-cert-file", path("ca.crt")),
            ("--tls-auth-clients", "no".to_owned()),
            ("--aclfile", path("users.acl")),
        ];
        redis.settings =
            settings.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect();
        redis.spawn().await;
        redis
    }

    fn new(port: u16, scheme: &'static str, user: &'static str, settings: Vec<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder, port, scheme, user, settings, child: Mutex::new(None) }
    }

    /// As the services are told of it, by a way that ends at a port.
    pub(crate) fn url_by(&self, port: u16) -> String {
        let query = match self.scheme {
            "rediss" => format!("?sslrootcert={}", self.folder.path().join("ca.crt").display()),
            _ => String::new(),
        };
        format!("{}://{}127.0.0.1:{port}{query}", self.scheme, self.user)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Starts it, with nothing in it, and waits until it answers.
    pub(crate) async fn spawn(&self) {
        let log = File::create(self.folder.path().join("log")).unwrap();
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"]);
        command.arg(self.folder.path()).args(&self.settings);
        let child = command.stdout(log).stderr(Stdio::null()).spawn().unwrap();
        assert!(self.child.lock().unwrap().replace(child).is_none(), "it runs already");
        until("Redis starts", async || {
            tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.ok().map(drop)
        })
        .await;
    }

    /// Ends it on the spot.
    pub(crate) fn kill(&self) {
        let mut child = self.child.lock().unwrap().take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Has it do nothing, as if it were cut off: connections stay.
    pub(crate) fn stop(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let child = self.child.lock().unwrap();
        kill_process(Pid::from_child(child.as_ref().unwrap()), signal).unwrap();
    }

    /// What it answers to a command, a line each.
    pub(crate) fn ask(&self, command: &[&str]) -> Vec<String> {
        let port = self.port.to_string();
        let output = Command::new("redis-cli").args(["-p", &port]).args(command).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.lock().unwrap().take() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// An authority, and a certificate of it for this machine.
fn make_certificates(folder: &Path) {
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    let run = |arguments: &[&str]| {
        let output = Command::new("openssl").args(arguments).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    std::fs::write(folder.join("names"), "subjectAltName=IP:127.0.0.1").unwrap();
    let own = ["-x509", "-days", "2", "-subj", "/CN=tests", "-keyout", "ca.key", "-out", "ca.crt"];
    run(&[&["req"][..], &key, &own].concat());
    let asked = ["-subj", "/CN=redis", "-keyout", "server.key", "-out", "server.csr"];
    run(&[&["req"][..], &key, &asked].concat());
    run(&[
        "x509",
        "-req",
        "-in",
        "server.csr",
        "-CA",
        "ca.crt",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-days",
        "2",
        "-extfile",
        "names",
        "-out",
        "server.crt",
    ]);
}
