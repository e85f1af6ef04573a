//! [`Fleet`]: as many of RealTalk's two services as one likes, of one deployment.

use std::net::SocketAddr;

use anyhow::Result;
use rustix::process::Pid;

use super::child::free_addresses;
use super::lab::Lab;
use super::redis::Redis;
use super::server::{Publish, Shape};
use super::service::{Deployment, MESSAGE, NOTIFICATION, Service};
use crate::load::crowd::Stream;

/// What a fleet consists of.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    /// Message services.
    pub(crate) messages: usize,
    /// Notification services.
    pub(crate) streams: usize,
    /// Whether they hear of each other over a Redis of their own. Without, each message service sends requests
    /// to all notification services.
    pub(crate) has_redis: bool,
    /// Settings that are not the defaults.
    pub(crate) set: Vec<(&'static str, String)>,
}

/// Services that run, notification services before what they need: they stop in this order.
pub(crate) struct Fleet {
    streams: Vec<Service>,
    messages: Vec<Service>,
    redis: Option<Redis>,
    deployment: Deployment,
}

impl Fleet {
    /// Starts all of them, and waits until they serve.
    pub(crate) fn start(lab: &Lab, order: Order) -> Result<Self> {
        let redis = order.has_redis.then(Redis::start).transpose()?;
        let mut set = order.set;
        set.extend(redis.iter().map(|redis| ("REDIS_URL", redis.url())));
        let deployment = Deployment::new(lab, set)?;
        // Where there is nobody, what is posted goes to a port that refuses.
        let addresses = free_addresses(order.messages + order.streams.max(1))?;
        let (messages, streams) = addresses.split_at(order.messages);
        let mut fleet = Self { streams: Vec::new(), messages: Vec::new(), redis, deployment };
        for at in messages {
            fleet.messages.push(fleet.deployment.spawn(MESSAGE, *at, streams)?);
        }
        for at in &streams[..order.streams] {
            fleet.streams.push(fleet.deployment.spawn(NOTIFICATION, *at, messages)?);
        }
        // A notification service is ready only once it has reached a message service.
        for service in fleet.messages.iter_mut().chain(&mut fleet.streams) {
            service.wait_ready()?;
        }
        Ok(fleet)
    }

    /// The message services.
    pub(crate) fn messages(&self) -> &[Service] {
        &self.messages
    }

    /// The notification services.
    pub(crate) fn streams(&self) -> &[Service] {
        &self.streams
    }

    /// The processes of the message services.
    pub(crate) fn message_pids(&self) -> Vec<Pid> {
        self.messages.iter().map(Service::pid).collect()
    }

    /// The processes of the notification services.
    pub(crate) fn stream_pids(&self) -> Vec<Pid> {
        self.streams.iter().map(Service::pid).collect()
    }

    /// All of them, and Redis.
    pub(crate) fn pids(&self) -> Vec<Pid> {
        let redis = self.redis.iter().map(Redis::pid);
        redis.chain(self.message_pids()).chain(self.stream_pids()).collect()
    }

    /// What clients subscribe to, at all notification services in turn.
    pub(crate) fn stream(&self) -> Stream {
        let mut to = self.streams.iter().map(Service::at);
        Stream {
            to: to.next().expect("a fleet that is listened to has a notification service"),
            also: to.collect(),
            path: "/events".into(),
            says_ready: true,
            ids_grow: true,
            by_name: false,
        }
    }

    /// Where people post: the first message service.
    pub(crate) fn publish(&self) -> Publish {
        Publish { to: self.messages[0].at(), path: "/messages", shape: Shape::Post }
    }

    /// Ends a notification service as a crash would.
    pub(super) fn kill_stream(&mut self, number: usize) -> Result<()> {
        self.streams[number].kill()
    }

    /// Starts it again where it was, and waits until it serves.
    pub(super) fn restart_stream(&mut self, number: usize) -> Result<()> {
        let messages: Vec<SocketAddr> = self.messages.iter().map(Service::at).collect();
        self.streams[number].restart(&self.deployment, &messages)
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        // One after the other, each with its grace, would take long.
        for service in self.streams.iter_mut().chain(&mut self.messages) {
            service.dismiss();
        }
    }
}
