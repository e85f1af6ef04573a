//! The programs, as child processes on ports and in a folder of their own.

use std::{
    fs::{self, File},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{
    board::{Board, TIMEOUT},
    database::{self, Cleanup},
    deadline::until,
    scale::Scale,
};

/// Long enough for a secret, and only for tests.
pub(crate) const SECRET: &str = "a secret of the tests";

/// A program of the workspace, which must have been built.
pub(crate) fn program(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_realtalk")).with_file_name(name);
    assert!(path.exists(), "{} is missing\nrun: cargo build --workspace first", path.display());
    path
}

/// A port that nobody uses, below those that the system gives to clients: a client could take
/// one of those while its service is down.
///
/// Nor does another run take it that goes on beside this one: ports are given out of a block, whose
/// first one is held for as long as this process lives, and says that the block is taken.
pub(crate) fn free_port() -> u16 {
    const FIRST: u16 = 12_000;
    const BLOCKS: u16 = 90;
    const SIZE: u16 = 200;
    struct Block {
        _held: TcpListener,
        left: std::ops::Range<u16>,
    }
    static OURS: Mutex<Vec<Block>> = Mutex::new(Vec::new());
    let bind = |port| TcpListener::bind(("127.0.0.1", port)).ok();
    let mut ours = OURS.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let left = ours.last_mut().and_then(|block| block.left.next());
        match left {
            Some(port) if bind(port).is_some() => return port,
            Some(_) => {}
            None => {
                let first = FIRST + rand::random_range(0..BLOCKS) * SIZE;
                let left = first + 1..first + SIZE;
                ours.extend(bind(first).map(|held| Block { _held: held, left }));
            }
        }
    }
}

/// One program with its settings; it can run many times.
pub(crate) struct Service {
    name: &'static str,
    port: u16,
    settings: Vec<(String, String)>,
    log: PathBuf,
    child: Option<Child>,
    open_files: Option<usize>,
    client: reqwest::Client,
}

impl Service {
    /// A program that logs into `folder` and is ready when `port` says so. Not started.
    pub(crate) fn new(name: &'static str, port: u16, folder: &Path) -> Self {
        let mut service = Self {
            name,
            port,
            settings: Vec::new(),
            log: folder.join(format!("{name}.log")),
            child: None,
            open_files: None,
            client: reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build().unwrap(),
        };
        service.set("HOST", "127.0.0.1");
        service.set("PORT", port);
        service.keep_in(&folder.join("data"));
        service.set("RUST_LOG", "warn");
        service
    }

    /// Keeps its data in a folder, or where those of the folder are.
    pub(crate) fn keep_in(&mut self, data: &Path) {
        self.set("DATA_DIR", data.display());
        if self.name != "realtime-ntfn"
            && let Some(url) = database::url_of(data)
        {
            self.set("DATABASE_URL", url);
        }
    }

    /// Keeps its data in a file, whatever others do.
    pub(crate) fn keep_in_file(&mut self) {
        self.set("DATABASE_URL", "");
    }

    pub(crate) fn set(&mut self, name: &str, value: impl ToString) {
        self.settings.push((name.to_owned(), value.to_string()));
    }

    /// Lets it open so many files and no more, from its next start on.
    pub(crate) fn limit_open_files(&mut self, files: usize) {
        self.open_files = Some(files);
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The program with its settings and nothing else in its environment, but for the stream
    /// engine under test.
    pub(crate) fn command(&self) -> Command {
        let program = program(self.name);
        let mut command = Command::new(&program);
        if let Some(files) = self.open_files {
            command = Command::new("sh");
            command.args(["-c", &format!("ulimit -n {files}; exec \"$0\"")]).arg(program);
        }
        let settings = self.settings.iter().map(|(name, value)| (name, value));
        command.env_clear().envs(Scale::read().engine()).envs(settings);
        command
    }

    /// Starts the process, without waiting for anything.
    pub(crate) fn spawn(&mut self) {
        assert!(self.child.is_none(), "{} runs already", self.name);
        let file = |path: &Path| {
            let mut options = File::options();
            options.create(true).append(true).open(path).unwrap()
        };
        let mut command = self.command();
        command
            .stdin(Stdio::null())
            .stdout(file(&self.log.with_extension("out")))
            .stderr(file(&self.log));
        self.child = Some(command.spawn().unwrap());
    }

    /// Waits until the service says that it is ready.
    pub(crate) async fn wait_ready(&mut self) {
        let name = self.name;
        until(&format!("{name} is ready"), async || {
            if let Some(status) = self.child.as_mut().unwrap().try_wait().unwrap() {
                panic!("{name} ended: {status}\n{}", self.log());
            }
            let (status, _) = self.get("/readyz").await?;
            (status == 200).then_some(())
        })
        .await;
    }

    /// A small answer of the service's, if it gives one.
    pub(crate) async fn get(&self, path: &str) -> Option<(u16, String)> {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        let response = self.client.get(url).send().await.ok()?;
        let status = response.status().as_u16();
        Some((status, response.text().await.ok()?))
    }

    /// The value of a metric without labels.
    pub(crate) async fn metric(&self, name: &str) -> Option<f64> {
        let (_, text) = self.get("/metrics").await?;
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
            .and_then(|value| value.parse().ok())
    }

    /// What it wrote to standard error.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// What it wrote to standard output.
    pub(crate) fn output(&self) -> String {
        fs::read_to_string(self.log.with_extension("out")).unwrap_or_default()
    }

    /// The process that runs.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(self.child.as_ref().unwrap())
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Starts it again if it has ended by itself, as whoever looks after services does; returns what it said last.
    pub(crate) fn revive(&mut self) -> Option<String> {
        self.child.as_mut()?.try_wait().unwrap()?;
        self.child = None;
        self.spawn();
        self.log().lines().last().map(str::to_owned)
    }

    /// Ends the process on the spot, as a crash does.
    pub(crate) fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.child.take().unwrap().wait().unwrap();
    }

    /// Freezes the process: it holds its sockets, and does nothing.
    pub(crate) fn stop(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Waits for the end of a process that has been asked to end; says how long that took.
    pub(crate) async fn exit(&mut self) -> (ExitStatus, Duration) {
        let started = Instant::now();
        let child = self.child.as_mut().unwrap();
        let what = format!("{} ends", self.name);
        let status = until(&what, async || child.try_wait().unwrap()).await;
        self.child = None;
        (status, started.elapsed())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
        if std::thread::panicking() {
            eprintln!("--- log of {} ---\n{}", self.name, self.log());
        }
    }
}

/// Both services, which know each other.
pub(crate) struct Pair {
    pub(crate) message: Service,
    pub(crate) notification: Service,
    folder: TempDir,
    _cleanup: Cleanup,
}

impl Pair {
    /// Two services with fresh data and these settings. Not started.
    pub(crate) fn new(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut message = Service::new("message-service", free_port(), folder.path());
        let mut notification = Service::new("realtime-ntfn", free_port(), folder.path());
        let url = |service: &Service| format!("http://127.0.0.1:{}", service.port);
        let (message_url, notification_url) = (url(&message), url(&notification));
        // Others may use the same Redis.
        let secret = format!("{SECRET} {:016x}", rand::random::<u64>());
        for service in [&mut message, &mut notification] {
            service.set("INTERNAL_SECRET", &secret);
            if let Some((name, url)) = Scale::read().bus() {
                service.set(name, url);
            }
            service.set("MESSAGE_SERVICE_URL", &message_url);
            service.set("NOTIFICATION_SERVICE_URL", &notification_url);
            for (name, value) in settings {
                service.set(name, value);
            }
        }
        let cleanup = Cleanup(folder.path().join("data"));
        Self { message, notification, folder, _cleanup: cleanup }
    }

    /// Starts two services with fresh data and these settings.
    pub(crate) async fn start(settings: &[(&str, &str)]) -> Self {
        let mut pair = Self::new(settings);
        pair.message.spawn();
        pair.notification.spawn();
        pair.wait_ready().await;
        pair
    }

    /// Another message service with the same settings and data, where these are on a server. Not started.
    pub(crate) fn message_beside(&self) -> Service {
        self.beside(&self.message)
    }

    /// Another notification service with the same settings, of which the message service is told when it starts
    /// the next time. Not started.
    pub(crate) fn notification_beside(&mut self) -> Service {
        let beside = self.beside(&self.notification);
        let url = |port| format!("http://127.0.0.1:{port}");
        let both = format!("{},{}", url(self.notification.port), url(beside.port));
        self.message.set("NOTIFICATION_SERVICE_URL", both);
        beside
    }

    fn beside(&self, service: &Service) -> Service {
        let folder = self.folder.path().join("beside");
        fs::create_dir_all(&folder).unwrap();
        let mut beside = Service::new(service.name, free_port(), &folder);
        let own = ["PORT", "DATA_DIR"];
        let same = service.settings.iter().filter(|(name, _)| !own.contains(&name.as_str()));
        beside.settings.extend(same.cloned());
        beside
    }

    /// Where their data are.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) async fn wait_ready(&mut self) {
        self.message.wait_ready().await;
        self.notification.wait_ready().await;
    }

    pub(crate) fn board(&self) -> Board {
        Board::new(self.message.port)
    }

    /// Waits until there are so many streams.
    pub(crate) async fn wait_streams(&self, count: usize) {
        until(&format!("there are {count} streams"), async || {
            let streams = self.notification.metric("realtalk_streams").await?;
            (streams == count as f64).then_some(())
        })
        .await;
    }
}
