//! [`Metrics`]: what the message service counts.

use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry};

/// The service's own metrics; clones count together.
#[derive(Clone)]
pub struct Metrics {
    /// Posts by outcome: `created`, `repeated`, `refused`, `failed`.
    pub posts: IntCounterVec,
    /// Posts in one commit.
    pub batch_size: Histogram,
    /// Time of one commit, in seconds, from when nobody else writes.
    pub commit_seconds: Histogram,
    /// Time until nobody else writes, in seconds.
    pub commit_wait_seconds: Histogram,
    /// Posts waiting to be committed.
    pub queued: IntGauge,
    /// Events that the notification service has acknowledged.
    pub relayed: IntCounter,
    /// Failed attempts to push.
    pub relay_failures: IntCounter,
    /// Passing facts that could not be told.
    pub ephemera_lost: IntCounter,
    /// Notification services that acknowledge what they are told what is pushed.
    pub relay_up: IntGauge,
}

impl Metrics {
    /// Registers everything.
    pub fn new(registry: &Registry) -> prometheus::Result<Self> {
        let metrics = Self {
            posts: IntCounterVec::new(
                Opts::new("realtalk_posts_total", "Posts by outcome"),
                &["outcome"],
            )?,
            batch_size: Histogram::with_opts(
                HistogramOpts::new("realtalk_commit_posts", "Posts in one commit")
                    .buckets(vec![1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0]),
            )?,
            commit_seconds: Histogram::with_opts(
                HistogramOpts::new("realtalk_commit_seconds", "Time of one commit")
                    .buckets(vec![0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.25, 1.0]),
            )?,
            commit_wait_seconds: Histogram::with_opts(
                HistogramOpts::new(
                    "realtalk_commit_wait_seconds",
                    "Time until no other service on the database writes",
                )
                .buckets(vec![0.0005, 0.002, 0.005, 0.02, 0.1, 0.5, 2.0, 5.0]),
            )?,
            queued: IntGauge::new("realtalk_writer_queued", "Posts waiting to be committed")?,
            relayed: IntCounter::new("realtalk_relayed_events_total", "Events acknowledged")?,
            relay_failures: IntCounter::new("realtalk_relay_failures_total", "Pushes that failed")?,
            ephemera_lost: IntCounter::new(
                "realtalk_ephemera_lost_total",
                "Passing facts (typing, receipts) that could not be told",
            )?,
            relay_up: IntGauge::new(
                "realtalk_relay_up",
                "Notification services that acknowledge what they are told",
            )?,
        };
        registry.register(Box::new(metrics.posts.clone()))?;
        registry.register(Box::new(metrics.batch_size.clone()))?;
        registry.register(Box::new(metrics.commit_seconds.clone()))?;
        registry.register(Box::new(metrics.commit_wait_seconds.clone()))?;
        registry.register(Box::new(metrics.queued.clone()))?;
        registry.register(Box::new(metrics.relayed.clone()))?;
        registry.register(Box::new(metrics.relay_failures.clone()))?;
        registry.register(Box::new(metrics.ephemera_lost.clone()))?;
        registry.register(Box::new(metrics.relay_up.clone()))?;
        Ok(metrics)
    }
}
