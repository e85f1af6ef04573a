//! [`Downstream`]: the notification service, as this service sees it.

use common::event::Accepted;
use http_kit::{InternalHop, internal};
use serde::Serialize;

/// Tells the notification service, signed. Clones share their connections.
#[derive(Clone)]
pub struct Downstream {
    client: reqwest::Client,
    url: String,
    target: String,
    hop: InternalHop,
}

impl Downstream {
    /// The notification service at `base_url`.
    pub fn new(base_url: &str, hop: InternalHop) -> reqwest::Result<Self> {
        let client = internal::client()?;
        let url = format!("{base_url}/notify");
        let target =
            reqwest::Url::parse(&url).map_or("/notify".into(), |url| url.path().to_owned());
        Ok(Self { client, url, target, hop })
    }

    /// Where it is told.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Posts to `/notify`; returns how far the receiver has the log, or why it did not take this.
    pub async fn notify(&self, what: &impl Serialize) -> Result<Accepted, String> {
        let body = serde_json::to_vec(what).map_err(|error| error.to_string())?;
        let (name, signature) = self.hop.sign("POST", &self.target, &body);
        let response = self
            .client
            .post(&self.url)
            .header(name, signature)
            .header(reqwest::header::CONTENT_TYPE, "application/json")
            .body(body)
            .send()
            .await
            .map_err(|error| internal::cause(&error))?;
        let status = response.status();
        if !status.is_success() {
            let body = response.text().await.unwrap_or_default();
            return Err(format!("{status} {body}"));
        }
        response.json().await.map_err(|error| internal::cause(&error))
    }
}
