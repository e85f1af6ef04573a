//! [`Downstream`]: the notification service, as this service sees it.

use common::event::Accepted;
use http_kit::{InternalHop, internal};
use reqwest::StatusCode;
use serde::Serialize;

/// Why the notification service did not take what it was told.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// It will not take this, however often it is told.
    #[error("refused: {0}")]
    Refused(String),
    /// It does not answer, or not as it should.
    #[error("{0}")]
    Unavailable(String),
}

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
    pub async fn notify(&self, what: &impl Serialize) -> Result<Accepted, NotTaken> {
        let body = serde_json::to_vec(what).map_err(|error| unavailable(&error))?;
        let (name, signature) = self.hop.sign("POST", &self.target, &body);
        let response = self
            .client
            .post(&self.url)
            .header(name, signature)
            .header(reqwest::header::CONTENT_TYPE, "application/json")
            .body(body)
            .send()
            .await
            .map_err(|error| unavailable(&error))?;
        let status = response.status();
        if !status.is_success() {
            let body = response.text().await.unwrap_or_default();
            let answer = format!("{status} {body}");
            return Err(match status {
                // Too large for it or for a proxy in between, or not what it knows.
                StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY => {
                    NotTaken::Refused(answer)
                }
                _ => NotTaken::Unavailable(answer),
            });
        }
        response.json().await.map_err(|error| unavailable(&error))
    }
}

fn unavailable(error: &(dyn std::error::Error + 'static)) -> NotTaken {
    NotTaken::Unavailable(internal::cause(error))
}
