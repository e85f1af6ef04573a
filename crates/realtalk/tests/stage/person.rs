//! [`Person`]: one user of the API, by a name that is taken as given or by a token.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    board::TIMEOUT,
    deadline::{Deadline, until},
};

/// A user. Clones are the same one, and share their connections.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) name: String,
    token: Option<String>,
    client: reqwest::Client,
    url: String,
}

/// What the service said.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    /// From where a stream continues it.
    pub(crate) cursor: String,
    pub(crate) has_more: bool,
}

impl Person {
    /// Someone who has only a name.
    pub(crate) fn named(port: u16, name: &str) -> Self {
        let client = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build().unwrap();
        let url = format!("http://127.0.0.1:{port}");
        Self { name: name.to_owned(), token: None, client, url }
    }

    /// Someone who has registered with a password and signed in.
    pub(crate) async fn registered(port: u16, name: &str) -> Self {
        let person = Self::named(port, name);
        let account = json!({"username": name, "password": "correct horse"});
        person.must(Method::POST, "/users", account).await;
        person.signed_in().await
    }

    /// The same user with a new session.
    pub(crate) async fn signed_in(&self) -> Self {
        let nobody = Self { token: None, ..self.clone() };
        let account = json!({"username": self.name, "password": "correct horse"});
        let session = nobody.must(Method::POST, "/sessions", account).await;
        Self { token: Some(session["token"].as_str().unwrap().to_owned()), ..nobody }
    }

    /// Someone who shows this token and says no name.
    pub(crate) fn bearing(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    pub(crate) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Asks once. An error is what may go away by itself: ask again.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, String> {
        let mut url = format!("{}{path}", self.url);
        if self.token.is_none() {
            url += if path.contains('?') { "&" } else { "?" };
            url += &format!("user={}", self.name);
        }
        let mut request = self.client.request(method, url);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|error| error.to_string())?;
        let status = response.status().as_u16();
        let header = |name| {
            let value = response.headers().get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let (cursor, has_more) = (header("x-event-cursor"), header("x-has-more") == "true");
        let text = response.text().await.map_err(|error| error.to_string())?;
        if status >= 500 {
            return Err(format!("{status} {text}"));
        }
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Answer { status, body, cursor, has_more })
    }

    /// Asks until there is an answer.
    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let deadline = Deadline::new(&format!("{method} {path} is answered"));
        loop {
            if let Ok(answer) = self.ask(method.clone(), path, body.as_ref()).await {
                return answer;
            }
            deadline.pause().await;
        }
    }

    /// Asks until there is an answer, which must be a good one.
    pub(crate) async fn must(&self, method: Method, path: &str, body: Value) -> Value {
        let body = Some(body).filter(|body| !body.is_null());
        let answer = self.call(method.clone(), path, body).await;
        assert!(answer.status < 300, "{}: {method} {path}: {answer:?}", self.name);
        answer.body
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        let answer = self.call(Method::GET, path, None).await;
        assert_eq!(answer.status, 200, "{}: {path}: {answer:?}", self.name);
        answer
    }

    /// Posts to a conversation under a key; returns the message.
    pub(crate) async fn say(&self, conversation_id: &str, content: &str, key: &str) -> Value {
        let body = json!({
            "conversation_id": conversation_id, "content": content, "client_msg_id": key,
        });
        self.must(Method::POST, "/messages", body).await
    }

    /// The direct conversation with another one; its id.
    pub(crate) async fn direct(&self, other: &str) -> String {
        let body = json!({"user": self.name, "recipient": other});
        let found = self.must(Method::POST, "/conversations/resolve", body).await;
        found["id"].as_str().unwrap().to_owned()
    }

    /// Makes a group; its id.
    pub(crate) async fn group(&self, name: &str, members: &[&str], history: &str) -> String {
        let body = json!({"kind": "group", "name": name, "members": members, "history": history});
        let made = self.must(Method::POST, "/conversations", body).await;
        made["id"].as_str().unwrap().to_owned()
    }

    /// All pages of a list of messages.
    pub(crate) async fn messages(&self, conversation_id: &str) -> Option<Vec<Value>> {
        let mut all: Vec<Value> = Vec::new();
        loop {
            let after = all.last().map_or(0, |message| message["seq"].as_u64().unwrap());
            let path = format!("/conversations/{conversation_id}/messages?after={after}&limit=200");
            let answer = self.call(Method::GET, &path, None).await;
            if answer.status == 404 {
                return None;
            }
            assert_eq!(answer.status, 200, "{}: {path}: {answer:?}", self.name);
            let page = answer.body.as_array().unwrap();
            assert!(!answer.has_more || !page.is_empty(), "an empty page, and more behind it");
            all.extend(page.iter().cloned());
            if !answer.has_more {
                return Some(all);
            }
        }
    }

    /// Everything after a cursor that a stream would show.
    pub(crate) async fn sync(&self, after: &str) -> Vec<Value> {
        let (mut all, mut after) = (Vec::new(), after.to_owned());
        loop {
            let page = self.get(&format!("/sync?after={after}&limit=200")).await.body;
            all.extend(page["events"].as_array().unwrap().iter().cloned());
            after = page["next"].as_str().unwrap().to_owned();
            if page["has_more"] == false {
                return all;
            }
        }
    }

    /// Waits until the list of what has not reached them is so long.
    pub(crate) async fn wait_undelivered(&self, count: usize) {
        let what = format!("{} has {count} undelivered messages", self.name);
        until(&what, async || {
            let list = self.get("/messages?undelivered=true&limit=200").await;
            (list.body.as_array().unwrap().len() == count).then_some(())
        })
        .await;
    }
}
