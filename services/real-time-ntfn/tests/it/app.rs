//! [`App`]: the notification service, running for one test.

use std::{
    net::SocketAddr,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use common::{Secret, signature};
use http_kit::{AuthMode, SessionCookies, Shutdown, settings::environment};
use realtime_ntfn::{Config, run};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use tempfile::TempDir;

use crate::{answer::Answer, patience::PATIENCE, stream::Stream, wire::Wire};

/// What signs the internal hop in these tests.
pub(crate) const SECRET: &str = "a secret of the tests";

/// The service on a port of its own, on a thread of its own; stopped when dropped.
pub(crate) struct App {
    pub(crate) address: SocketAddr,
    client: Client,
    shutdown: Shutdown,
    thread: Option<JoinHandle<()>>,
    _folder: TempDir,
}

impl App {
    /// With a message service at `message_url`, and settings.
    pub(crate) fn start(message_url: &str, settings: &[(&str, &str)]) -> Self {
        Self::start_as(AuthMode::Open, message_url, settings)
    }

    /// The same, in either mode.
    pub(crate) fn start_as(mode: AuthMode, message_url: &str, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let defaults = [
            ("DATA_DIR", folder.path().to_str().unwrap()),
            ("INTERNAL_SECRET", SECRET),
            ("MESSAGE_SERVICE_URL", message_url),
            // They come at any moment of their interval: where they are not looked for, they do not come.
            ("HEARTBEAT_SECS", "600"),
            ("WS_PING_SECS", "600"),
        ];
        let is_set = |name| settings.iter().any(|(set, _)| *set == name);
        let variables = defaults.iter().filter(|(name, _)| !is_set(*name)).chain(settings);
        let owned = variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        // Where streams are run is the one setting that a whole test run chooses.
        let engine = environment().filter(|(name, _)| name == "STREAM_ENGINE");
        let config = Config::from_variables(engine.chain(owned)).unwrap();
        let config = Config { auth_mode: mode, ..config };
        let listener = config.connections.listen("PORT", [127, 0, 0, 1].into(), 0).unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = Shutdown::new();
        let asked = shutdown.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(run(listener, config, asked)).unwrap();
        });
        let client = Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
        Self { address, client, shutdown, thread: Some(thread), _folder: folder }
    }

    /// Without a message service: nothing listens on port 1.
    pub(crate) fn alone(settings: &[(&str, &str)]) -> Self {
        Self::start("http://127.0.0.1:1", settings)
    }

    pub(crate) fn request(&self, method: Method, target: &str) -> RequestBuilder {
        let url = format!("http://{}{target}", self.address);
        self.client.request(method, url)
    }

    /// Asks the service to stop, and does not wait for it.
    pub(crate) fn stop(&self) {
        self.shutdown.give_hastily();
    }

    pub(crate) async fn get(&self, target: &str) -> Answer {
        Answer::to(self.request(Method::GET, target).header("connection", "close")).await
    }

    /// As a program on this machine: not signed.
    pub(crate) async fn notify(&self, body: &Value) -> Answer {
        Answer::to(self.request(Method::POST, "/notify").json(body)).await
    }

    /// As the message service: signed.
    pub(crate) async fn notify_signed(&self, body: &Value) -> Answer {
        let request = self.request(Method::POST, "/notify");
        let signature = sign("POST", "/notify", body.to_string().as_bytes());
        Answer::to(request.header(signature::HEADER, signature).json(body)).await
    }

    /// Opens a stream and reads up to its `ready`, however long the service takes to start.
    pub(crate) async fn stream(&self, query: &str) -> Stream {
        self.stream_with("x-nothing", "", query).await
    }

    /// Opens a stream with a header, and reads up to its `ready`.
    pub(crate) async fn stream_with(&self, name: &str, value: &str, query: &str) -> Stream {
        loop {
            let request = self.request(Method::GET, &format!("/events{query}"));
            if let Some(stream) = Stream::open(request.header(name, value)).await.begun().await {
                return stream;
            }
        }
    }

    pub(crate) fn wire(&self) -> Wire {
        Wire::connect(self.address)
    }

    /// Asks until the answer is as wanted: for what happens by itself after a while.
    pub(crate) async fn eventually(
        &self,
        target: &str,
        wanted: impl Fn(&Answer) -> bool,
    ) -> Answer {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.get(target).await;
            if wanted(&answer) {
                return answer;
            }
            assert!(Instant::now() < deadline, "still {answer:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.shutdown.give_hastily();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
            && !std::thread::panicking()
        {
            panic!("the service panicked");
        }
    }
}

/// The cookie in which a page carries this token over a plain connection.
pub(crate) fn cookie(token: &str) -> String {
    let cookies = SessionCookies::of(&Secret::parse(SECRET).unwrap());
    format!("{}={token}", cookies.name(false))
}

/// The value of the signature header for a request.
pub(crate) fn sign(method: &str, target: &str, body: &[u8]) -> String {
    signature::sign(&Secret::parse(SECRET).unwrap(), method, target, body)
}

/// How many connections there are, by what the metrics say.
pub(crate) fn connections(metrics: &Answer) -> usize {
    let text = metrics.text();
    let count = text.lines().find_map(|line| line.strip_prefix("realtalk_connections "));
    count.unwrap().parse().unwrap()
}
