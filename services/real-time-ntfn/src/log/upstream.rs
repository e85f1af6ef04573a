//! [`Upstream`]: the message service, as this service sees it.

use std::collections::HashMap;

use common::{
    Batch, EventId, Problem,
    event::LogPage,
    internal::{
        ClientFrame, ContactsOf, Delivered, DeliveredBatch, FrameReply, IdentifiedBatch, Identify,
        IdentifyAnswer, IdentifyBatch,
    },
};
use http_kit::{InternalHop, internal};
use reqwest::{Method, RequestBuilder, StatusCode, Url, header::CONTENT_TYPE};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

/// Why the message service did not give what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// The log no longer reaches back to the cursor.
    #[error("the cursor is older than the log")]
    Expired,
    /// The log has not reached the cursor.
    #[error("the log does not know the cursor")]
    Unknown,
    /// There is more than it gives at once.
    #[error("there is too much to begin with")]
    TooFar,
    /// The body of the request is larger than it, or a proxy in between, takes.
    #[error("the request is too large")]
    TooLarge,
    /// The client is to be told no.
    #[error("refused: {} {}", .0.status, .0.code)]
    Refused(Box<Problem>),
    /// It does not answer, or not as it should.
    #[error("message service: {0}")]
    Unavailable(String),
    /// It was asked, and its answer did not arrive, or not whole.
    #[error("message service: {0}")]
    CutOff(String),
}

/// Asks the message service, signed.
#[derive(Clone)]
pub struct Upstream {
    client: reqwest::Client,
    /// For what may be long: pages of the log, what streams begin with, whom somebody talks to.
    for_long: reqwest::Client,
    base_url: String,
    hop: InternalHop,
}

impl Upstream {
    /// The message service at `base_url`.
    pub fn new(base_url: &str, hop: InternalHop) -> reqwest::Result<Self> {
        let (client, for_long) = (internal::client()?, internal::client_for_long_answers()?);
        Ok(Self { client, for_long, base_url: base_url.to_owned(), hop })
    }

    /// The events after a cursor, at most `limit`; fewer if they are large.
    pub async fn events_after(&self, after: EventId, limit: u64) -> Result<LogPage, UpstreamError> {
        let query = [("after", after.to_string()), ("limit", limit.to_string())];
        self.get("/internal/events", &query).await
    }

    /// The events after a cursor that the user with this key may see, who watches these rooms; at most
    /// `limit`, fewer if they are large. The page says how far it has looked.
    pub async fn events_for<'a>(
        &self,
        after: EventId,
        user: Option<&str>,
        rooms: impl Iterator<Item = &'a str>,
        limit: u64,
    ) -> Result<LogPage, UpstreamError> {
        let rooms = rooms.collect::<Vec<_>>().join(",");
        let mut query =
            vec![("after", after.to_string()), ("limit", limit.to_string()), ("rooms", rooms)];
        query.extend(user.map(|user| ("user", user.to_owned())));
        self.get("/internal/events", &query).await
    }

    /// The first of the last `tail` events, at most `limit`; fewer if they are large.
    pub async fn events_tail(&self, tail: usize, limit: u64) -> Result<LogPage, UpstreamError> {
        let query = [("tail", tail.to_string()), ("limit", limit.to_string())];
        self.get("/internal/events", &query).await
    }

    /// Who is behind streams, in the order in which they are asked about; at most
    /// [`MAX_IDENTIFIED`](common::internal::MAX_IDENTIFIED).
    pub async fn identify(
        &self,
        clients: Vec<Identify>,
    ) -> Result<Vec<IdentifyAnswer>, UpstreamError> {
        let asked = IdentifyBatch { clients };
        let answer: IdentifiedBatch = self.post("/internal/identify", &asked).await?;
        Ok(answer.clients)
    }

    /// What a stream without a cursor begins with: private messages that the user with this key
    /// has not received, and the last `history` messages of each room, as events in order. The
    /// stream goes on after the batch's `after`.
    pub async fn opening<'a>(
        &self,
        user: Option<&str>,
        rooms: impl Iterator<Item = &'a str>,
        history: u32,
    ) -> Result<Batch, UpstreamError> {
        let rooms = rooms.collect::<Vec<_>>().join(",");
        let mut query = vec![("rooms", rooms), ("history", history.to_string())];
        query.extend(user.map(|user| ("user", user.to_owned())));
        self.get("/internal/opening", &query).await
    }

    /// The markers that have moved since a cursor and that the user with this key may see, each
    /// as the data of a `receipt`.
    pub async fn receipts(
        &self,
        user: &str,
        after: EventId,
    ) -> Result<Vec<Box<RawValue>>, UpstreamError> {
        let query = [("user", user.to_owned()), ("after", after.to_string())];
        self.get("/internal/receipts", &query).await
    }

    /// Tells what has reached whom, at most [`MAX_REPORTED`](common::internal::MAX_REPORTED) users.
    pub async fn delivered(&self, delivered: Vec<Delivered>) -> Result<(), UpstreamError> {
        let delivered = DeliveredBatch { delivered };
        let request = self.sign_body(&self.client, "/internal/delivered", &delivered)?;
        send(request).await.map(drop)
    }

    /// With whom these users, given by key, share a private conversation; at most
    /// [`MAX_ASKED`](common::internal::MAX_ASKED) users.
    pub async fn contacts(
        &self,
        users: Vec<String>,
    ) -> Result<HashMap<String, Vec<String>>, UpstreamError> {
        let request =
            self.sign_body(&self.for_long, "/internal/contacts", &ContactsOf { users })?;
        read(request).await
    }

    /// Has a client's frame carried out.
    pub async fn frame(&self, frame: &ClientFrame) -> Result<FrameReply, UpstreamError> {
        self.post("/internal/frames", frame).await
    }

    async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<T, UpstreamError> {
        let mut url = self.url(path)?;
        url.query_pairs_mut().extend_pairs(query);
        read(self.sign(&self.for_long, Method::GET, url, b"")).await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, UpstreamError> {
        read(self.sign_body(&self.client, path, body)?).await
    }

    fn sign_body(
        &self,
        client: &reqwest::Client,
        path: &str,
        body: &impl Serialize,
    ) -> Result<RequestBuilder, UpstreamError> {
        let body = serde_json::to_vec(body).map_err(|error| unavailable(&error))?;
        let request = self.sign(client, Method::POST, self.url(path)?, &body);
        Ok(request.header(CONTENT_TYPE, "application/json").body(body))
    }

    fn url(&self, path: &str) -> Result<Url, UpstreamError> {
        Url::parse(&format!("{}{path}", self.base_url)).map_err(|error| unavailable(&error))
    }

    /// The signature covers path and query as they are sent.
    fn sign(
        &self,
        client: &reqwest::Client,
        method: Method,
        url: Url,
        body: &[u8],
    ) -> RequestBuilder {
        let target = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let (name, signature) = self.hop.sign(method.as_str(), &target, body);
        client.request(method, url).header(name, signature)
    }
}

async fn read<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, UpstreamError> {
    let body = send(request).await?.bytes().await.map_err(|error| cut_off(&error))?;
    serde_json::from_slice(&body).map_err(|error| unavailable(&error))
}

async fn send(request: RequestBuilder) -> Result<reqwest::Response, UpstreamError> {
    let lost = |error: reqwest::Error| match error.is_connect() {
        true => unavailable(&error),
        false => cut_off(&error),
    };
    let response = request.send().await.map_err(lost)?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        return Err(UpstreamError::TooLarge);
    }
    let Ok(problem) = response.json::<Problem>().await else {
        return Err(UpstreamError::Unavailable(status.to_string()));
    };
    Err(UpstreamError::of(Problem { status: status.as_u16(), ..problem }))
}

impl UpstreamError {
    /// Whether it is to do with the message service, or the way to it, and not with what was asked.
    pub const fn is_outage(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::CutOff(_))
    }

    /// What a problem means that the message service has.
    pub fn of(problem: Problem) -> Self {
        match (problem.status, problem.code.as_str()) {
            (410, "cursor_expired") => Self::Expired,
            (410, "too_far") => Self::TooFar,
            (410, _) => Self::Unknown,
            // These are about the two services, which do not fit together; no client can help that.
            (_, "signature_missing" | "signature_invalid" | "route_not_found") => {
                Self::Unavailable(format!("{} {}", problem.status, problem.code))
            }
            (400 | 401 | 403 | 404 | 413 | 422, _) => Self::Refused(Box::new(problem)),
            _ => Self::Unavailable(format!("{} {}", problem.status, problem.code)),
        }
    }
}

fn unavailable(error: &(dyn std::error::Error + 'static)) -> UpstreamError {
    UpstreamError::Unavailable(internal::cause(error))
}

fn cut_off(error: &(dyn std::error::Error + 'static)) -> UpstreamError {
    UpstreamError::CutOff(internal::cause(error))
}
