//! [`Upstream`]: the message service, as this service sees it.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
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

use super::peers::{PATIENCE, Peer};
pub use super::upstream_error::UpstreamError;

/// Asks the message service, signed; where there are several, any of them, and another one when that does not answer.
#[derive(Clone)]
pub struct Upstream {
    client: reqwest::Client,
    /// For what may be long: pages of the log, what streams begin with, whom somebody talks to.
    for_long: reqwest::Client,
    peers: Arc<[Peer]>,
    hop: InternalHop,
}

impl Upstream {
    /// The message services at these addresses; at least one.
    pub fn new(base_urls: &[String], hop: InternalHop) -> reqwest::Result<Self> {
        let (client, for_long) = (internal::client()?, internal::client_for_long_answers()?);
        Ok(Self {
            client,
            for_long,
            peers: base_urls.iter().map(|url| Peer::new(url)).collect(),
            hop,
        })
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
        // A ticket may have been used up by a question of which the answer was lost.
        let has_tickets = clients.iter().any(|client| client.ticket.is_some());
        let is_again =
            if has_tickets { UpstreamError::is_unasked } else { UpstreamError::is_outage };
        let asked = IdentifyBatch { clients };
        let answer: IdentifiedBatch =
            self.post(&self.client, "/internal/identify", &asked, is_again).await?;
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
        // Markers only move forward.
        let path = "/internal/delivered";
        let is_again = UpstreamError::is_outage;
        self.post_body(&self.client, path, &delivered, is_again).await.map(drop)
    }

    /// With whom these users, given by key, share a private conversation; at most
    /// [`MAX_ASKED`](common::internal::MAX_ASKED) users.
    pub async fn contacts(
        &self,
        users: Vec<String>,
    ) -> Result<HashMap<String, Vec<String>>, UpstreamError> {
        let asked = ContactsOf { users };
        self.post(&self.for_long, "/internal/contacts", &asked, UpstreamError::is_outage).await
    }

    /// Has a client's frame carried out.
    pub async fn frame(&self, frame: &ClientFrame) -> Result<FrameReply, UpstreamError> {
        self.post(&self.client, "/internal/frames", frame, UpstreamError::is_unasked).await
    }

    /// Asks something that changes nothing, so that another service can be asked when one does not answer.
    async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<T, UpstreamError> {
        let request = |base_url: &str| {
            let mut url = url(base_url, path)?;
            url.query_pairs_mut().extend_pairs(query);
            Ok(self.sign(&self.for_long, Method::GET, url, b""))
        };
        parse(&self.ask(request, UpstreamError::is_outage).await?)
    }

    async fn post<T: DeserializeOwned>(
        &self,
        client: &reqwest::Client,
        path: &str,
        body: &impl Serialize,
        is_again: fn(&UpstreamError) -> bool,
    ) -> Result<T, UpstreamError> {
        parse(&self.post_body(client, path, body, is_again).await?)
    }

    /// Asks something that may change something, so that `is_again` says when another service can be asked.
    async fn post_body(
        &self,
        client: &reqwest::Client,
        path: &str,
        body: &impl Serialize,
        is_again: fn(&UpstreamError) -> bool,
    ) -> Result<Bytes, UpstreamError> {
        let body = serde_json::to_vec(body).map_err(|error| UpstreamError::unavailable(&error))?;
        let body = Bytes::from(body);
        let request = |base_url: &str| {
            let request = self.sign(client, Method::POST, url(base_url, path)?, &body);
            Ok(request.header(CONTENT_TYPE, "application/json").body(body.clone()))
        };
        self.ask(request, is_again).await
    }

    /// Asks any service, and while `is_again` says so of what is wrong, the others.
    async fn ask(
        &self,
        request: impl Fn(&str) -> Result<RequestBuilder, UpstreamError>,
        is_again: impl Fn(&UpstreamError) -> bool,
    ) -> Result<Bytes, UpstreamError> {
        let mut last = UpstreamError::Unreachable("there is none".to_owned());
        for (peer, is_last) in Peer::in_turn(&self.peers) {
            let mut request = request(&peer.base_url)?;
            if !is_last && is_again(&UpstreamError::CutOff(String::new())) {
                // Whoever asks has time for another one then.
                request = request.timeout(PATIENCE);
            }
            match answer(request).await {
                Err(error) if error.is_outage() => {
                    if peer.failed() && self.peers.len() > 1 {
                        tracing::warn!(url = peer.base_url, %error, "one of the message services does not answer; others are asked");
                    }
                    last = error;
                }
                answer => {
                    if peer.answered() && self.peers.len() > 1 {
                        tracing::info!(url = peer.base_url, "the message service answers again");
                    }
                    return answer;
                }
            }
            if !is_again(&last) {
                break;
            }
        }
        Err(last)
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

fn url(base_url: &str, path: &str) -> Result<Url, UpstreamError> {
    Url::parse(&format!("{base_url}{path}")).map_err(|error| UpstreamError::unavailable(&error))
}

fn parse<T: DeserializeOwned>(answer: &[u8]) -> Result<T, UpstreamError> {
    serde_json::from_slice(answer).map_err(|error| UpstreamError::unavailable(&error))
}

/// What is answered to a request, whole.
async fn answer(request: RequestBuilder) -> Result<Bytes, UpstreamError> {
    let lost = |error: reqwest::Error| match error.is_connect() {
        true => UpstreamError::Unreachable(internal::cause(&error)),
        false => UpstreamError::cut_off(&error),
    };
    let response = request.send().await.map_err(lost)?;
    let status = response.status();
    if status.is_success() {
        return response.bytes().await.map_err(|error| UpstreamError::cut_off(&error));
    }
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        return Err(UpstreamError::TooLarge);
    }
    let Ok(problem) = response.json::<Problem>().await else {
        return Err(UpstreamError::Unavailable(status.to_string()));
    };
    Err(UpstreamError::of(Problem { status: status.as_u16(), ..problem }))
}
