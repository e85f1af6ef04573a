//! Who people are: registering, signing in and out, tokens, tickets, and what each may do.

mod admins;
mod claims;
mod cookies;
mod finding;
mod limits;
mod lookalikes;
mod outside;
mod registering;
mod required;
mod sessions;
mod settings;
mod tickets;
mod tokens;

use common::signature;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    answer::Answer,
    app::{App, secret},
};

/// What signs tokens in these tests.
pub(crate) const JWT_SECRET: &str = "the secret that signs tokens in tests";

/// What the operator shows in these tests.
pub(crate) const ADMIN_TOKEN: &str = "the operator of the tests";

pub(crate) const PASSWORD: &str = "correct horse battery";

/// Names that are all the same user's.
pub(crate) const SPELLINGS: [&str; 4] = ["Alice", "ALICE", "Ａlice", " alice "];

/// In open mode, with a known secret and an operator.
pub(crate) fn open() -> App {
    App::with(&[("JWT_SECRET", JWT_SECRET), ("ADMIN_TOKEN", ADMIN_TOKEN)])
}

/// The same, where everybody has to sign in.
pub(crate) fn required() -> App {
    App::with(&[
        ("AUTH_MODE", "required"),
        ("JWT_SECRET", JWT_SECRET),
        ("ADMIN_TOKEN", ADMIN_TOKEN),
    ])
}

impl App {
    /// Sends a body, with a token if there is one.
    pub(crate) async fn send_as(
        &self,
        method: Method,
        target: &str,
        token: Option<&str>,
        body: Value,
    ) -> Answer {
        let mut request = self.request(method, target);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        Answer::to(if body.is_null() { request } else { request.json(&body) }).await
    }

    pub(crate) async fn get_as(&self, token: &str, target: &str) -> Answer {
        self.send_as(Method::GET, target, Some(token), Value::Null).await
    }

    /// Registers a name with the password of the tests.
    pub(crate) async fn register(&self, name: &str) -> Value {
        let body = json!({"username": name, "password": PASSWORD});
        let answer = self.send_as(Method::POST, "/users", None, body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()
    }

    pub(crate) async fn sign_in(&self, name: &str, password: &str) -> Answer {
        let body = json!({"username": name, "password": password});
        self.send_as(Method::POST, "/sessions", None, body).await
    }

    /// Signs in with the password of the tests; returns the token.
    pub(crate) async fn token(&self, name: &str) -> String {
        let answer = self.sign_in(name, PASSWORD).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["token"].as_str().unwrap().to_owned()
    }

    /// Registers and signs in.
    pub(crate) async fn join(&self, name: &str) -> String {
        self.register(name).await;
        self.token(name).await
    }

    /// As the notification service asks about one client: signed.
    pub(crate) async fn identify(&self, client: Value) -> Answer {
        let mut answer = self.identify_all(&[client]).await;
        if answer.status == 200 {
            let mut body = answer.json();
            let answers = body["clients"][0].as_object_mut().unwrap();
            let (_, said) = std::mem::take(answers).into_iter().next().unwrap();
            answer.status = said["status"].as_u64().map_or(200, |status| status as u16);
            answer.body = said.to_string().into();
            if answer.status != 200 {
                let kind = ("content-type".to_owned(), "application/problem+json".to_owned());
                answer.headers.retain(|(name, _)| *name != kind.0);
                answer.headers.push(kind);
            }
        }
        answer
    }

    /// As the notification service asks about those who come at the same time: signed.
    pub(crate) async fn identify_all(&self, clients: &[Value]) -> Answer {
        let body = json!({ "clients": clients }).to_string();
        let target = "/internal/identify";
        let signature = signature::sign(&secret(), "POST", target, body.as_bytes());
        let request = self.request(Method::POST, target).header(signature::HEADER, signature);
        Answer::to(request.header("content-type", "application/json").body(body)).await
    }
}

/// Status and code of a refusal.
#[track_caller]
pub(crate) fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.refusal(), (status, code.to_owned()), "{answer:?}");
}
