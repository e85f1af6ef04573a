//! [`Board`]: the message service, as its clients see it.

use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;

use crate::{deadline::Deadline, history::Message};

/// How long a client waits for an answer before it asks again.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(20);

/// Posts and lists. Clones share their connections.
#[derive(Clone)]
pub(crate) struct Board {
    client: reqwest::Client,
    url: String,
}

impl Board {
    pub(crate) fn new(port: u16) -> Self {
        let client = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build().unwrap();
        Self { client, url: format!("http://127.0.0.1:{port}") }
    }

    /// Posts once. Answers with the status, and with the message if there is one.
    pub(crate) async fn try_post(
        &self,
        user: &str,
        content: &str,
        key: &str,
    ) -> Result<(u16, Message), String> {
        let body = json!({"user": user, "content": content, "client_msg_id": key});
        let request = self.client.post(format!("{}/messages", self.url));
        let answer = request.json(&body).send().await;
        let response = answer.map_err(|error| error.to_string())?;
        let status = response.status().as_u16();
        let body = response.text().await.map_err(|error| error.to_string())?;
        match status {
            200 | 201 => Ok((status, serde_json::from_str(&body).unwrap())),
            500.. => Err(format!("{status} {body}")),
            _ => panic!("a post was refused: {status} {body}"),
        }
    }

    /// Posts until it is acknowledged.
    pub(crate) async fn post(&self, user: &str, content: &str, key: &str) -> Message {
        let deadline = Deadline::new("a post is acknowledged");
        loop {
            if let Ok((_, message)) = self.try_post(user, content, key).await {
                return message;
            }
            deadline.pause().await;
        }
    }

    /// Posts `count` messages, `width` at a time; returns them in the order of `seq`.
    pub(crate) async fn post_many(&self, prefix: &str, count: usize, width: usize) -> Vec<Message> {
        let mut tasks = JoinSet::new();
        for worker in 0..width {
            let (board, prefix) = (self.clone(), prefix.to_owned());
            tasks.spawn(async move {
                let mut posted = Vec::new();
                for number in (worker..count).step_by(width) {
                    let text = format!("{prefix} {number}");
                    let key = format!("{}-{number}", prefix.get(..20).unwrap_or(&prefix));
                    posted.push(board.post("crowd", &text, &key).await);
                }
                posted
            });
        }
        let mut posted: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
        posted.sort_unstable_by_key(|message| message.seq);
        posted
    }

    /// One page of the messages after an id or a seq, whether there are more, and the cursor for
    /// a stream.
    pub(crate) async fn page(&self, query: &str) -> Result<(Vec<Message>, bool, String), String> {
        let request = self.client.get(format!("{}/messages?{query}", self.url));
        let answer = request.send().await;
        let response = answer.map_err(|error| error.to_string())?;
        if !response.status().is_success() {
            return Err(format!("{query}: {}", response.status()));
        }
        let header = |name| response.headers()[name].to_str().unwrap().to_owned();
        let (more, cursor) = (header("x-has-more") == "true", header("x-event-cursor"));
        let messages = response.json().await.map_err(|error| error.to_string())?;
        Ok((messages, more, cursor))
    }

    /// Everything after an id or a seq.
    pub(crate) async fn all_after(&self, after: &str) -> Vec<Message> {
        let deadline = Deadline::new("all is listed");
        let mut all: Vec<Message> = Vec::new();
        loop {
            let after = all.last().map_or(after, |message| &message.id);
            let Ok((page, more, _)) = self.page(&format!("after={after}&limit=200")).await else {
                deadline.pause().await;
                continue;
            };
            assert!(!more || !page.is_empty(), "an empty page, and more behind it");
            all.extend(page);
            if !more {
                return all;
            }
        }
    }

    /// The whole conversation.
    pub(crate) async fn all(&self) -> Vec<Message> {
        self.all_after("0").await
    }
}
