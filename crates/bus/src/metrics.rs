//! [`Metrics`]: what is counted of the bus.

use prometheus::{IntCounter, IntGauge, Registry};

/// Clones count together.
#[derive(Clone)]
pub struct Metrics {
    /// 1 while Redis does what it is asked for.
    pub(crate) publishing: IntGauge,
    /// How many heard the last batch of the log.
    pub(crate) listeners: IntGauge,
    /// Connections that were made, of either kind.
    pub(crate) connections: IntCounter,
    pub(crate) published: IntCounter,
    pub(crate) publish_failures: IntCounter,
    /// 1 while what is said is heard.
    pub(crate) subscribed: IntGauge,
    pub(crate) heard: IntCounter,
    /// Messages that none of us has said.
    pub(crate) refused: IntCounter,
}

impl Metrics {
    /// Registers what is counted of one who says something.
    pub fn new(registry: &Registry) -> prometheus::Result<Self> {
        let counter = |name: &str, help: &str| IntCounter::new(name, help);
        let gauge = |name: &str, help: &str| IntGauge::new(name, help);
        let metrics = Self {
            publishing: gauge(
                "realtalk_bus_publishing",
                "1 while Redis does what it is asked for",
            )?,
            listeners: gauge("realtalk_bus_listeners", "Who heard the last batch of the log")?,
            connections: counter("realtalk_bus_connections_total", "Connections to Redis")?,
            published: counter("realtalk_bus_published_total", "Messages given to Redis")?,
            publish_failures: counter(
                "realtalk_bus_publish_failures_total",
                "Messages that Redis did not take",
            )?,
            subscribed: gauge("realtalk_bus_subscribed", "1 while Redis is listened to")?,
            heard: counter("realtalk_bus_heard_total", "Messages heard from Redis")?,
            refused: counter("realtalk_bus_refused_total", "Messages without our signature")?,
        };
        registry.register(Box::new(metrics.publishing.clone()))?;
        registry.register(Box::new(metrics.connections.clone()))?;
        registry.register(Box::new(metrics.published.clone()))?;
        registry.register(Box::new(metrics.publish_failures.clone()))?;
        Ok(metrics)
    }

    /// Registers what is counted of one who tells the log.
    pub fn telling(self, registry: &Registry) -> prometheus::Result<Self> {
        registry.register(Box::new(self.listeners.clone()))?;
        Ok(self)
    }

    /// Registers what is counted of one who listens.
    pub fn listening(self, registry: &Registry) -> prometheus::Result<Self> {
        registry.register(Box::new(self.subscribed.clone()))?;
        registry.register(Box::new(self.heard.clone()))?;
        registry.register(Box::new(self.refused.clone()))?;
        Ok(self)
    }

    /// Whether what is said is heard.
    pub fn is_subscribed(&self) -> bool {
        self.subscribed.get() == 1
    }

    /// Whether Redis does what it is asked for.
    pub fn is_publishing(&self) -> bool {
        self.publishing.get() == 1
    }
}
