//! [`Downstream`]: where what has been committed is told: a notification service, or Redis, where all of them listen.

use std::{fmt, time::Duration};

use bus::{Channel, PublishError, Publisher};
use common::{Batch, event::EphemeralBatch, internal::MAX_BODY};
use http_kit::{InternalHop, internal};
use reqwest::StatusCode;
use serde::Serialize;

/// Why something was not taken.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// It will not be taken, however often it is told.
    #[error("refused: {0}")]
    Refused(String),
    /// There is no answer, or not as it should be.
    #[error("{0}")]
    Unavailable(String),
}

/// Where what has been committed is told. Clones share their connections.
#[derive(Clone)]
pub enum Downstream {
    /// One notification service.
    Service(Service),
    /// Redis, for all of them.
    Bus(Publisher),
}

impl Downstream {
    /// Tells a part of the log. Returns how many have heard it, if there could be any number.
    pub async fn tell(&self, batch: &Batch) -> Result<Option<u32>, NotTaken> {
        match self {
            Self::Service(service) => service.notify(batch).await.map(|()| None),
            Self::Bus(publisher) => Ok(Some(publisher.publish(Channel::Log, batch).await?)),
        }
    }

    /// Tells passing facts.
    pub async fn tell_passing(&self, facts: &EphemeralBatch) -> Result<(), NotTaken> {
        match self {
            Self::Service(service) => service.notify(facts).await,
            Self::Bus(publisher) => {
                Ok(publisher.publish(Channel::Passing, facts).await.map(drop)?)
            }
        }
    }

    /// The receiver remembers sets of users for so many who tell it some.
    pub const fn share_of_sets(&self) -> usize {
        match self {
            Self::Service(_) => 1,
            Self::Bus(_) => 8,
        }
    }

    /// About how many bytes may be told at once. As JSON they may be twice as many.
    pub const fn most_bytes(&self) -> usize {
        match self {
            Self::Service(_) => MAX_BODY / 4,
            Self::Bus(_) => bus::MAX_MESSAGE / 4,
        }
    }

    /// After this long without a post the newest id is told all the same, so that whoever lost it for whatever
    /// reason finds out. Who listens to Redis takes it for silence when several of these are missing.
    pub const fn announce_every(&self) -> Duration {
        match self {
            Self::Service(_) => Duration::from_secs(5),
            Self::Bus(_) => Duration::from_secs(1),
        }
    }
}

impl fmt::Display for Downstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(service) => f.write_str(&service.url),
            Self::Bus(publisher) => f.write_str(&publisher.address()),
        }
    }
}

impl From<PublishError> for NotTaken {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::TooLarge(_) => Self::Refused(error.to_string()),
            PublishError::Away(why) => Self::Unavailable(why),
        }
    }
}

/// One notification service, told by signed requests.
#[derive(Clone)]
pub struct Service {
    client: reqwest::Client,
    url: String,
    target: String,
    hop: InternalHop,
}

impl Service {
    /// The notification service at `base_url`.
    pub fn new(base_url: &str, hop: InternalHop) -> reqwest::Result<Self> {
        let client = internal::client()?;
        let url = format!("{base_url}/notify");
        let target =
            reqwest::Url::parse(&url).map_or("/notify".into(), |url| url.path().to_owned());
        Ok(Self { client, url, target, hop })
    }

    /// Posts to `/notify`.
    async fn notify(&self, what: &impl Serialize) -> Result<(), NotTaken> {
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
        let answer = response.text().await;
        if status.is_success() {
            // Read to its end, or the connection would not be used again.
            return answer.map(drop).map_err(|error| unavailable(&error));
        }
        let answer = format!("{status} {}", answer.unwrap_or_default());
        Err(match status {
            // Too large for it or for a proxy in between, or not what it knows.
            StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY => {
                NotTaken::Refused(answer)
            }
            _ => NotTaken::Unavailable(answer),
        })
    }
}

fn unavailable(error: &(dyn std::error::Error + 'static)) -> NotTaken {
    NotTaken::Unavailable(internal::cause(error))
}
