//! [`Upstream`]: the message service, as this service sees it.

use common::{
    Batch, EventId, Problem,
    event::LogPage,
    internal::{ClientFrame, FrameReply},
};
use http_kit::{InternalHop, internal};
use reqwest::StatusCode;
use serde::de::DeserializeOwned;

/// Why the message service did not give what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// The log no longer reaches back to the cursor.
    #[error("the cursor is older than the log")]
    Expired,
    /// The log has not reached the cursor.
    #[error("the log does not know the cursor")]
    Unknown,
    /// It does not answer, or not as it should.
    #[error("message service: {0}")]
    Unavailable(String),
}

/// Reads from the message service, signed.
#[derive(Clone)]
pub struct Upstream {
    client: reqwest::Client,
    base_url: String,
    base_path: String,
    hop: InternalHop,
}

impl Upstream {
    /// The message service at `base_url`.
    pub fn new(base_url: &str, hop: InternalHop) -> reqwest::Result<Self> {
        let client = internal::client()?;
        let path = reqwest::Url::parse(base_url).map(|url| url.path().to_owned());
        let base_path = path.unwrap_or_default().trim_end_matches('/').to_owned();
        Ok(Self { client, base_url: base_url.to_owned(), base_path, hop })
    }

    /// The events after a cursor, at most `limit`.
    pub async fn events_after(&self, after: EventId, limit: u64) -> Result<LogPage, UpstreamError> {
        self.get(&format!("/internal/events?after={after}&limit={limit}")).await
    }

    /// The last `limit` events.
    pub async fn events_tail(&self, limit: usize) -> Result<LogPage, UpstreamError> {
        self.get(&format!("/internal/events?tail={limit}")).await
    }

    /// The last `limit` messages of a room, as events; a stream goes on after the batch's `after`.
    pub async fn history(&self, room: &str, limit: u32) -> Result<Batch, UpstreamError> {
        self.get(&format!("/internal/history?room={room}&limit={limit}")).await
    }

    /// Has a client's frame carried out.
    pub async fn frame(&self, frame: &ClientFrame) -> Result<FrameReply, UpstreamError> {
        let unavailable = |error: &(dyn std::error::Error + 'static)| {
            UpstreamError::Unavailable(internal::cause(error))
        };
        let target = format!("{}/internal/frames", self.base_path);
        let origin = self.base_url.strip_suffix(&self.base_path).unwrap_or(&self.base_url);
        let body = serde_json::to_vec(frame).map_err(|error| unavailable(&error))?;
        let (name, signature) = self.hop.sign("POST", &target, &body);
        let request = self.client.post(format!("{origin}{target}")).header(name, signature);
        let request = request.header("content-type", "application/json").body(body);
        let response = request.send().await.and_then(reqwest::Response::error_for_status);
        let response = response.map_err(|error| unavailable(&error))?;
        response.json().await.map_err(|error| unavailable(&error))
    }

    async fn get<T: DeserializeOwned>(&self, target: &str) -> Result<T, UpstreamError> {
        let signed = format!("{}{target}", self.base_path);
        let origin = self.base_url.strip_suffix(&self.base_path).unwrap_or(&self.base_url);
        let (name, signature) = self.hop.sign("GET", &signed, b"");
        let response = self
            .client
            .get(format!("{origin}{signed}"))
            .header(name, signature)
            .send()
            .await
            .map_err(|error| UpstreamError::Unavailable(internal::cause(&error)))?;
        let status = response.status();
        if status.is_success() {
            return response
                .json()
                .await
                .map_err(|error| UpstreamError::Unavailable(internal::cause(&error)));
        }
        let code = response.json::<Problem>().await.map(|problem| problem.code);
        let code = code.unwrap_or_default();
        Err(match (status, code.as_str()) {
            (StatusCode::GONE, "cursor_expired") => UpstreamError::Expired,
            (StatusCode::GONE, _) => UpstreamError::Unknown,
            _ => UpstreamError::Unavailable(format!("{status} {code}")),
        })
    }
}
