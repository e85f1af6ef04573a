//! [`Api`]: a service, as anyone may call it.

use reqwest::{
    Method, Response,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap},
    redirect::Policy,
};
use serde_json::{Value, json};

use crate::{deadline::PATIENCE, process::Service};

/// A service, and with which credential it is called. Clones share their connections.
#[derive(Clone)]
pub(crate) struct Api {
    client: reqwest::Client,
    url: String,
    token: Option<String>,
}

/// An answer that has come to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Api {
    /// Calls a service without a credential.
    pub(crate) fn of(service: &Service) -> Self {
        let client =
            reqwest::Client::builder().no_proxy().redirect(Policy::none()).timeout(PATIENCE);
        Self {
            client: client.build().unwrap(),
            url: format!("http://127.0.0.1:{}", service.port()),
            token: None,
        }
    }

    /// The same service, called with this token.
    pub(crate) fn with(&self, token: impl Into<String>) -> Self {
        Self { token: Some(token.into()), ..self.clone() }
    }

    /// Asks with a JSON body, if there is one.
    pub(crate) async fn ask(&self, method: Method, target: &str, body: Option<&Value>) -> Answer {
        let mut request = self.request(method, target);
        if let Some(body) = body {
            request = request.json(body);
        }
        Answer::read(request.send().await.unwrap()).await
    }

    /// A request that can still be added to.
    pub(crate) fn request(&self, method: Method, target: &str) -> reqwest::RequestBuilder {
        let mut request = self.client.request(method, format!("{}{target}", self.url));
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        request
    }

    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.ask(Method::GET, target, None).await
    }

    pub(crate) async fn delete(&self, target: &str) -> Answer {
        self.ask(Method::DELETE, target, None).await
    }

    pub(crate) async fn post(&self, target: &str, body: Value) -> Answer {
        self.ask(Method::POST, target, Some(&body)).await
    }

    /// Posts a message, which must be taken; `user` is the sender.
    pub(crate) async fn say(&self, user: &str, content: &str) -> Value {
        self.posted(json!({"user": user, "content": content})).await
    }

    /// Posts a private message, which must be taken.
    pub(crate) async fn whisper(&self, user: &str, recipient: &str, content: &str) -> Value {
        self.posted(json!({"user": user, "recipient": recipient, "content": content})).await
    }

    async fn posted(&self, body: Value) -> Value {
        self.post("/messages", body).await.expect(201)
    }

    /// The `content` of listed messages, in their order.
    pub(crate) async fn contents(&self, target: &str) -> Vec<String> {
        let list = self.get(target).await.expect(200);
        let messages = list.as_array().unwrap().iter();
        messages.map(|message| text(&message["content"]).to_owned()).collect()
    }
}

impl Answer {
    pub(crate) async fn read(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, text: response.text().await.unwrap() }
    }

    /// The body, which has to be JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The body of an answer that has to have this status; null if it is empty.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        if self.text.is_empty() { Value::Null } else { self.json() }
    }

    /// A header of the answer; empty if it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The code of an error, which has to have this status and the form of errors.
    #[track_caller]
    pub(crate) fn refusal(&self, status: u16) -> String {
        let body = self.expect(status);
        let kind = self.header(CONTENT_TYPE.as_str());
        assert!(kind.starts_with("application/problem+json"), "{kind}: {body}");
        assert_eq!(body["status"], status, "{body}");
        for field in ["type", "title", "detail", "request_id"] {
            assert!(body[field].is_string(), "{field}: {body}");
        }
        text(&body["code"]).to_owned()
    }
}

/// A JSON string.
#[track_caller]
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a string: {value}"))
}

/// Registers a user, with a password where one is needed; a name can be registered once.
pub(crate) async fn register(api: &Api, name: &str, password: Option<&str>) {
    let mut body = json!({"username": name});
    if let Some(password) = password {
        body["password"] = json!(password);
    }
    let user = api.post("/users", body).await.expect(201);
    assert_eq!(user["username"], name, "{user}");
}

/// Registers a user and signs them in; returns their token.
pub(crate) async fn sign_up(api: &Api, name: &str) -> String {
    let password = format!("the password of {name}");
    register(api, name, Some(&password)).await;
    let body = json!({"username": name, "password": password});
    let session = api.post("/sessions", body).await.expect(200);
    text(&session["token"]).to_owned()
}
