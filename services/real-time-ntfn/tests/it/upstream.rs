//! [`Upstream`]: a real message service, for the notification service to read from.

use std::{net::SocketAddr, thread::JoinHandle};

use http_kit::Shutdown;
use message_service::{Config, run};
use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::app::SECRET;

/// The message service, which tells nobody what is posted: it is asked, or it is not known.
pub(crate) struct Upstream {
    address: SocketAddr,
    client: Client,
    shutdown: Shutdown,
    thread: Option<JoinHandle<()>>,
    _folder: TempDir,
}

impl Upstream {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let variables = [
            ("DATA_DIR", folder.path().to_str().unwrap()),
            ("INTERNAL_SECRET", SECRET),
            ("DURABILITY", "relaxed"),
            ("NOTIFICATION_SERVICE_URL", "http://127.0.0.1:1"),
        ];
        let owned = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let config = Config::from_variables(owned).unwrap();
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
        let client = Client::builder().no_proxy().build().unwrap();
        Self { address, client, shutdown, thread: Some(thread), _folder: folder }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Posts a message and returns it.
    pub(crate) async fn post(&self, content: &str) -> Value {
        let url = format!("{}/messages", self.url());
        let request = self.client.post(url).header("connection", "close");
        let response =
            request.json(&json!({"content": content, "user": "alice"})).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 201);
        response.json().await.unwrap()
    }

    /// Gives somebody a password: their name is protected from then on.
    pub(crate) async fn register(&self, name: &str) {
        let body = json!({"username": name, "password": "a password of the tests"});
        let request = self.client.post(format!("{}/users", self.url()));
        let response = request.header("connection", "close").json(&body).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 201);
    }

    /// A group of alice and others, and what she says in it.
    pub(crate) async fn post_to_group(&self, others: &[&str], content: &str) -> Value {
        let post = async |path: &str, body: Value| -> Value {
            let request = self.client.post(format!("{}{path}", self.url()));
            let request = request.header("connection", "close").json(&body);
            request.send().await.unwrap().error_for_status().unwrap().json().await.unwrap()
        };
        let body = json!({"kind": "group", "name": "all", "members": others, "user": "alice"});
        let group = post("/conversations", body).await;
        let place = group["id"].as_str().unwrap();
        let body = json!({"conversation_id": place, "content": content, "user": "alice"});
        post("/messages", body).await
    }

    /// Has the author of a message say something else, or with `None` nothing.
    pub(crate) async fn change(&self, message: &Value, content: Option<&str>) {
        let url = format!("{}/messages/{}", self.url(), message["id"].as_str().unwrap());
        let request = match content {
            Some(content) => {
                self.client.patch(url).json(&json!({"content": content, "user": "alice"}))
            }
            None => self.client.delete(format!("{url}?user=alice")),
        };
        let response = request.header("connection", "close").send().await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.shutdown.give_hastily();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}
