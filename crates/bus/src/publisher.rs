//! [`Publisher`]: says something to those who listen.

use std::sync::{Arc, Mutex, PoisonError};

use redis::{AsyncConnectionConfig, FromRedisValue, Pipeline, aio::MultiplexedConnection};
use serde::Serialize;
use tokio::{sync::Semaphore, time::timeout};

use crate::{
    channel::{Channel, MAX_MESSAGE},
    connection::{Bus, PATIENCE},
};

/// Why something was not said.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Redis would carry it, and hold it up for everybody else.
    #[error("{0} bytes are too many for one message")]
    TooLarge(usize),
    /// Redis does not answer, or not as it should.
    #[error("{0}")]
    Away(String),
}

/// Says something to those who listen. Clones share a connection, which is made when it is needed.
#[derive(Clone)]
pub struct Publisher {
    bus: Bus,
    connection: Arc<Mutex<Slot>>,
    /// One connects for all who need it.
    turn: Arc<Semaphore>,
    is_measured: bool,
}

/// The connection, if there is one, and how many there have been.
#[derive(Default)]
struct Slot {
    open: Option<MultiplexedConnection>,
    number: u64,
}

impl Publisher {
    /// Connects when something is said.
    pub fn new(bus: Bus) -> Self {
        Self {
            bus,
            connection: Arc::default(),
            turn: Arc::new(Semaphore::new(1)),
            is_measured: true,
        }
    }

    /// Beside another one, by which it is said whether Redis does what it is asked for.
    pub fn unmeasured(self) -> Self {
        Self { is_measured: false, ..self }
    }

    /// Where Redis is.
    pub fn address(&self) -> String {
        self.bus.address().to_string()
    }

    pub(crate) const fn bus(&self) -> &Bus {
        &self.bus
    }

    /// Has Redis give something to all who listen now; returns when it has it, to how many it was given.
    pub async fn publish(
        &self,
        channel: Channel,
        said: &impl Serialize,
    ) -> Result<u32, PublishError> {
        let (name, message) = self.message(channel, said)?;
        let mut pipeline = redis::pipe();
        pipeline.cmd("PUBLISH").arg(name).arg(message);
        let done = self.carry_out::<(u32,)>(&pipeline).await;
        match &done {
            Ok(_) => self.bus.metrics().published.inc(),
            Err(_) => self.bus.metrics().publish_failures.inc(),
        }
        let (listeners,) = done?;
        if channel == Channel::Log {
            self.bus.metrics().listeners.set(listeners.into());
        }
        Ok(listeners)
    }

    /// The name of a channel, and something as it is said there.
    pub(crate) fn message(
        &self,
        channel: Channel,
        said: &impl Serialize,
    ) -> Result<(String, Vec<u8>), PublishError> {
        let body = serde_json::to_vec(said).map_err(|error| away(&error))?;
        if body.len() > MAX_MESSAGE {
            return Err(PublishError::TooLarge(body.len()));
        }
        Ok((self.bus.channel(channel), self.bus.sign(channel, &body)))
    }

    /// Carries out commands. One that fails ends the connection; the next one makes another.
    pub(crate) async fn carry_out<T: FromRedisValue>(
        &self,
        pipeline: &Pipeline,
    ) -> Result<T, PublishError> {
        let mut used = None;
        let tried = async {
            let (mut connection, number) = self.connection().await?;
            used = Some(number);
            pipeline.query_async::<T>(&mut connection).await
        };
        let error = match timeout(2 * PATIENCE, tried).await {
            Ok(Ok(answer)) => {
                self.measure(true);
                return Ok(answer);
            }
            Ok(Err(error)) => away(&error),
            Err(_) => PublishError::Away(self.bus.address().no_answer().to_owned()),
        };
        let mut slot = self.lock();
        // Another one may have been made meanwhile.
        if used == Some(slot.number) {
            slot.open = None;
        }
        drop(slot);
        self.measure(false);
        Err(error)
    }

    fn measure(&self, is_done: bool) {
        if self.is_measured {
            self.bus.metrics().publishing.set(is_done.into());
        }
    }

    async fn connection(&self) -> redis::RedisResult<(MultiplexedConnection, u64)> {
        if let Some(open) = self.open() {
            return Ok(open);
        }
        // It is never closed.
        let _turn = self.turn.acquire().await.ok();
        if let Some(open) = self.open() {
            return Ok(open);
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        let client = &self.bus.address().client;
        let connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        self.bus.metrics().connections.inc();
        let mut slot = self.lock();
        slot.number += 1;
        slot.open = Some(connection.clone());
        Ok((connection, slot.number))
    }

    fn open(&self) -> Option<(MultiplexedConnection, u64)> {
        let slot = self.lock();
        Some((slot.open.clone()?, slot.number))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Slot> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn away(error: &dyn std::error::Error) -> PublishError {
    PublishError::Away(error.to_string())
}
