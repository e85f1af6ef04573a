//! [`App`]: the message service, running for one test.

use std::{net::SocketAddr, path::Path, thread::JoinHandle, time::Duration};

use common::{Secret, signature};
use http_kit::{SessionCookies, Shutdown};
use message_service::{Config, run};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    answer::Answer,
    database::{self, Cleanup},
    patience::PATIENCE,
    wire::Wire,
};

/// What signs the internal hop in these tests.
pub(crate) const SECRET: &str = "a secret of the tests";

/// The service on a port of its own, on a thread of its own; stopped when dropped.
pub(crate) struct App {
    pub(crate) address: SocketAddr,
    client: Client,
    shutdown: Shutdown,
    thread: Option<JoinHandle<()>>,
    _own_folder: Option<(TempDir, Cleanup)>,
}

impl App {
    /// On a fresh folder.
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// On a fresh folder, with settings.
    pub(crate) fn with(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut app = Self::on(folder.path(), settings);
        let cleanup = Cleanup(folder.path().to_owned());
        app._own_folder = Some((folder, cleanup));
        app
    }

    /// On a folder that outlives it.
    pub(crate) fn on(folder: &Path, settings: &[(&str, &str)]) -> Self {
        let config = Config::from_variables(variables(folder, settings)).unwrap();
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
        // Without connections left open the service has nothing to wait for when it stops.
        let client = Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .build()
            .unwrap();
        Self { address, client, shutdown, thread: Some(thread), _own_folder: None }
    }

    pub(crate) fn request(&self, method: Method, target: &str) -> RequestBuilder {
        let url = format!("http://{}{target}", self.address);
        self.client.request(method, url).header("connection", "close")
    }

    pub(crate) async fn get(&self, target: &str) -> Answer {
        Answer::to(self.request(Method::GET, target)).await
    }

    pub(crate) async fn post(&self, body: Value) -> Answer {
        Answer::to(self.request(Method::POST, "/messages").json(&body)).await
    }

    /// Posts, and returns the message.
    pub(crate) async fn say(&self, content: &str) -> Value {
        let answer = self.post(json!({"content": content, "user": "alice"})).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()
    }

    /// The messages that a list of `/messages` has.
    pub(crate) async fn list(&self, query: &str) -> Vec<Value> {
        let answer = self.get(&format!("/messages{query}")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        serde_json::from_value(answer.json()).unwrap()
    }

    /// As the notification service asks: signed.
    pub(crate) async fn get_signed(&self, target: &str) -> Answer {
        let signature = signature::sign(&secret(), "GET", target, b"");
        Answer::to(self.request(Method::GET, target).header(signature::HEADER, signature)).await
    }

    /// As the notification service tells: signed.
    pub(crate) async fn post_signed(&self, target: &str, body: Value) -> Answer {
        let body = body.to_string();
        let signature = signature::sign(&secret(), "POST", target, body.as_bytes());
        let request = self.request(Method::POST, target).body(body);
        Answer::to(request.header(signature::HEADER, signature)).await
    }

    /// A request with a body of JSON.
    pub(crate) async fn send(&self, method: Method, target: &str, body: Value) -> Answer {
        Answer::to(self.request(method, target).json(&body)).await
    }

    /// A request without a body.
    pub(crate) async fn ask(&self, method: Method, target: &str) -> Answer {
        Answer::to(self.request(method, target)).await
    }

    /// The events after a cursor, as their audience gets them: type, audience, data.
    pub(crate) async fn events_after(&self, cursor: &str) -> Vec<(String, Value, Value)> {
        let answer = self.get_signed(&format!("/internal/events?after={cursor}")).await;
        let page: common::event::LogPage = serde_json::from_slice(&answer.body).unwrap();
        let batch = page.batch.resolve(|_| None).unwrap();
        let parts = batch.events.into_iter().map(|event| {
            let data = serde_json::from_str(event.data.get()).unwrap();
            (event.kind, serde_json::to_value(event.audience).unwrap(), data)
        });
        parts.collect()
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
        let deadline = std::time::Instant::now() + PATIENCE;
        loop {
            let answer = self.get(target).await;
            if wanted(&answer) {
                return answer;
            }
            assert!(std::time::Instant::now() < deadline, "still {answer:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.shutdown.give();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
            && !std::thread::panicking()
        {
            panic!("the service panicked");
        }
    }
}

pub(crate) fn secret() -> Secret {
    Secret::parse(SECRET).unwrap()
}

/// Under which name a page of these tests carries its token over a plain connection.
pub(crate) fn cookie_name() -> String {
    SessionCookies::of(&secret()).name(false).to_owned()
}

fn variables(folder: &Path, settings: &[(&str, &str)]) -> Vec<(String, String)> {
    let folder = folder.to_str().unwrap();
    // Nothing listens on port 1: what is posted is kept, and told nobody.
    let defaults = [
        ("DATA_DIR", folder),
        ("INTERNAL_SECRET", SECRET),
        ("NOTIFICATION_SERVICE_URL", "http://127.0.0.1:1"),
    ];
    let database = database::url_of(Path::new(folder));
    let database = database.iter().map(|url| ("DATABASE_URL", url.as_str()));
    let defaults: Vec<_> = defaults.into_iter().chain(database).collect();
    defaults
        .iter()
        .filter(|(name, _)| settings.iter().all(|(given, _)| given != name))
        .chain(settings)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}
