//! Conversations by REST: who is in them, what they see, what they may do.

mod contacts;
mod directs;
mod groups;
mod inbox;
mod lists;
mod permissions;
mod receipts;
mod rooms;
mod size;
mod snapshot;
mod typing;
mod unread;

use message_service::routes::link;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{answer::Answer, app::App};

/// A user of the service, under a name as given.
#[derive(Clone, Copy)]
pub(crate) struct Someone<'a> {
    pub(crate) app: &'a App,
    pub(crate) name: &'a str,
}

impl App {
    pub(crate) fn someone<'a>(&'a self, name: &'a str) -> Someone<'a> {
        Someone { app: self, name }
    }
}

impl Someone<'_> {
    async fn send(&self, method: Method, target: &str, body: Option<Value>) -> Answer {
        let mark = if target.contains('?') { '&' } else { '?' };
        let name = link::encode(self.name);
        let mut request = self.app.request(method, &format!("{target}{mark}user={name}"));
        if let Some(body) = body {
            request = request.json(&body);
        }
        Answer::to(request).await
    }

    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.send(Method::GET, target, None).await
    }

    pub(crate) async fn post(&self, target: &str, body: Value) -> Answer {
        self.send(Method::POST, target, Some(body)).await
    }

    pub(crate) async fn put(&self, target: &str, body: Option<Value>) -> Answer {
        self.send(Method::PUT, target, body).await
    }

    pub(crate) async fn patch(&self, target: &str, body: Value) -> Answer {
        self.send(Method::PATCH, target, Some(body)).await
    }

    pub(crate) async fn delete(&self, target: &str) -> Answer {
        self.send(Method::DELETE, target, None).await
    }

    /// Makes a group of others, and returns its id.
    pub(crate) async fn group(&self, others: &[&str], history: &str) -> String {
        let body = json!({"kind": "group", "name": "G", "members": others, "history": history});
        let answer = self.post("/conversations", body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        text(&answer.json()["id"])
    }

    /// The id of the direct conversation with someone.
    pub(crate) async fn direct(&self, other: &str) -> String {
        let answer = self.post("/conversations/resolve", json!({"recipient": other})).await;
        assert!(matches!(answer.status, 200 | 201), "{answer:?}");
        text(&answer.json()["id"])
    }

    /// Says something, and returns the message.
    pub(crate) async fn say(&self, id: &str, content: &str) -> Value {
        let target = format!("/conversations/{id}/messages");
        let answer = self.post(&target, json!({"content": content})).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()
    }

    /// What they hear of a conversation.
    pub(crate) async fn hears(&self, id: &str) -> Vec<String> {
        let answer = self.get(&format!("/conversations/{id}/messages")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let messages = answer.json();
        messages.as_array().unwrap().iter().map(|message| text(&message["content"])).collect()
    }

    /// A conversation as they see it.
    pub(crate) async fn sees(&self, id: &str) -> Value {
        let answer = self.get(&format!("/conversations/{id}")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// Their conversations.
    pub(crate) async fn list(&self, query: &str) -> Vec<Value> {
        let answer = self.get(&format!("/conversations{query}")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        serde_json::from_value(answer.json()).unwrap()
    }

    /// Names and roles in a conversation.
    pub(crate) async fn roster(&self, id: &str) -> Vec<(String, String)> {
        let answer = self.get(&format!("/conversations/{id}/members")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let members = answer.json();
        let members = members.as_array().unwrap().iter();
        members.map(|member| (text(&member["user"]), text(&member["role"]))).collect()
    }

    pub(crate) async fn reads(&self, id: &str, seq: u64) {
        let answer = self.post(&format!("/conversations/{id}/read"), json!({"seq": seq})).await;
        assert_eq!(answer.status, 204, "{answer:?}");
    }
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

pub(crate) fn ids(list: &[Value]) -> Vec<&str> {
    list.iter().map(|conversation| conversation["id"].as_str().unwrap()).collect()
}

/// Pairs of names and roles, for comparison.
pub(crate) fn roles(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(user, role)| ((*user).to_owned(), (*role).to_owned())).collect()
}
