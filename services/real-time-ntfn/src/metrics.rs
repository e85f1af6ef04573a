//! [`Metrics`]: what the notification service counts.

use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

/// The service's own metrics; clones count together.
#[derive(Clone)]
pub struct Metrics {
    /// Open streams.
    pub streams: IntGauge,
    /// Streams ever opened.
    pub opened: IntCounter,
    /// Streams ended, by reason: `gone`, `lagged`, `reset`, `drained`.
    pub closed: IntCounterVec,
    /// Streams refused, by reason: `full`, `address`, `draining`, `starting`, `upstream`.
    pub refused: IntCounterVec,
    /// Streams by how they began: `live`, `ring`, `log`, `history`, `reset`.
    pub resumes: IntCounterVec,
    /// Events sent again to clients that returned.
    pub replayed: IntCounter,
    /// Events that reached the feed.
    pub events: IntCounter,
    /// Batches that did not continue the feed, so that it had to pull.
    pub gaps: IntCounter,
    /// Pulls from the message service that failed.
    pub pull_failures: IntCounter,
    /// 1 while the feed is contiguous with all it knows of.
    pub contiguous: IntGauge,
}

impl Metrics {
    /// Registers everything.
    pub fn new(registry: &Registry) -> prometheus::Result<Self> {
        let counter = |name: &str, help: &str| {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        let family = |name: &str, help: &str, label: &str| {
            let family = IntCounterVec::new(Opts::new(name, help), &[label])?;
            registry.register(Box::new(family.clone()))?;
            Ok::<_, prometheus::Error>(family)
        };
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, prometheus::Error>(gauge)
        };
        Ok(Self {
            streams: gauge("realtalk_streams", "Open streams")?,
            opened: counter("realtalk_streams_opened_total", "Streams opened")?,
            closed: family("realtalk_streams_closed_total", "Streams ended by reason", "reason")?,
            refused: family("realtalk_streams_refused_total", "Streams refused", "reason")?,
            resumes: family("realtalk_stream_starts_total", "Streams by their start", "from")?,
            replayed: counter("realtalk_replayed_events_total", "Events sent again")?,
            events: counter("realtalk_feed_events_total", "Events that reached the feed")?,
            gaps: counter("realtalk_feed_gaps_total", "Batches that left a gap")?,
            pull_failures: counter("realtalk_feed_pull_failures_total", "Failed pulls")?,
            contiguous: gauge("realtalk_feed_contiguous", "1 while nothing is missing")?,
        })
    }
}
