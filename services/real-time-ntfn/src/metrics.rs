//! [`Metrics`]: what the notification service counts.

use std::{ops::Deref, sync::Arc};

use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

/// The service's own metrics; clones count together, and cost next to nothing.
#[derive(Clone)]
pub struct Metrics(Arc<Counts>);

/// See [`Metrics`].
pub struct Counts {
    /// Open streams.
    streams: IntGauge,
    /// Open streams by transport and engine.
    engine_streams: IntGaugeVec,
    /// Streams ever opened.
    opened: IntCounter,
    /// 1 while streams are being closed because the service stops.
    pub draining: IntGauge,
    /// Streams ended, by reason: `gone`, `lagged`, `stalled`, `drained`, `reauth`, `refused`,
    /// `silent`, `failed`.
    closed: IntCounterVec,
    /// Streams refused, by reason: `full`, `address`, `draining`, `starting`, `upstream`,
    /// `crowded`, `user`.
    pub refused: IntCounterVec,
    /// Streams by how they began: `live`, `ring`, `log`, `history`, `reset`.
    pub resumes: IntCounterVec,
    /// Events sent again to clients that returned.
    pub replayed: IntCounter,
    /// Events written to streams, and the bytes of all that was written to them.
    pub events_out: IntCounter,
    /// See above.
    pub bytes_out: IntCounter,
    /// Time that a shard takes to write what was published to all its streams, in seconds.
    pub fan_out: Histogram,
    /// Time from publishing an event to the end of that, in seconds.
    pub write_delay: Histogram,
    /// Events that reached the feed.
    pub events: IntCounter,
    /// Batches that did not continue the feed, so that it had to pull.
    pub gaps: IntCounter,
    /// Pulls from the message service that failed.
    pub pull_failures: IntCounter,
    /// 1 while the feed is contiguous with all it knows of.
    pub contiguous: IntGauge,
    /// Users with a stream, or who had one a moment ago.
    pub users_online: IntGauge,
    /// Changes of presence that could not be told at once.
    pub presence_failures: IntCounter,
    /// Passing facts that were dropped because there was no room.
    pub passing_dropped: IntCounter,
    /// Users of whom it was reported what has reached them.
    pub delivered: IntCounter,
    /// Reports of that which failed.
    pub delivery_failures: IntCounter,
    /// Resumes without the receipts that belong to them.
    pub receipts_missed: IntCounter,
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
        let seconds = |name: &str, help: &str| {
            let buckets = vec![0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0];
            let histogram = Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets))?;
            registry.register(Box::new(histogram.clone()))?;
            Ok::<_, prometheus::Error>(histogram)
        };
        let engine_streams = IntGaugeVec::new(
            Opts::new("realtalk_engine_streams", "Open streams by transport and engine"),
            &["transport", "engine"],
        )?;
        registry.register(Box::new(engine_streams.clone()))?;
        Ok(Self(Arc::new(Counts {
            streams: gauge("realtalk_streams", "Open streams")?,
            engine_streams,
            draining: gauge("realtalk_draining", "1 while the service stops")?,
            opened: counter("realtalk_streams_opened_total", "Streams opened")?,
            closed: family("realtalk_streams_closed_total", "Streams ended by reason", "reason")?,
            refused: family("realtalk_streams_refused_total", "Streams refused", "reason")?,
            resumes: family("realtalk_stream_starts_total", "Streams by their start", "from")?,
            replayed: counter("realtalk_replayed_events_total", "Events sent again")?,
            events_out: counter("realtalk_events_out_total", "Events written to streams")?,
            bytes_out: counter("realtalk_bytes_out_total", "Bytes written to streams")?,
            fan_out: seconds("realtalk_fan_out_seconds", "Time of one pass over the streams")?,
            write_delay: seconds("realtalk_write_delay_seconds", "Publishing to written")?,
            events: counter("realtalk_feed_events_total", "Events that reached the feed")?,
            gaps: counter("realtalk_feed_gaps_total", "Batches that left a gap")?,
            pull_failures: counter("realtalk_feed_pull_failures_total", "Failed pulls")?,
            contiguous: gauge("realtalk_feed_contiguous", "1 while nothing is missing")?,
            users_online: gauge("realtalk_users_online", "Users who are connected")?,
            presence_failures: counter("realtalk_presence_failures_total", "Presence told late")?,
            passing_dropped: counter("realtalk_ephemeral_dropped_total", "Passing facts dropped")?,
            delivered: counter("realtalk_delivered_total", "Users in reports of deliveries")?,
            delivery_failures: counter("realtalk_delivery_failures_total", "Failed reports")?,
            receipts_missed: counter("realtalk_receipts_missed_total", "Resumes without receipts")?,
        })))
    }

    /// A stream of a transport has begun on an engine.
    pub fn stream_opened(&self, transport: &str, engine: &str) {
        self.streams.inc();
        self.engine_streams.with_label_values(&[transport, engine]).inc();
        self.opened.inc();
    }

    /// A stream of a transport has ended on an engine, for a reason.
    pub fn stream_closed(&self, transport: &str, engine: &str, reason: &str) {
        self.streams.dec();
        self.engine_streams.with_label_values(&[transport, engine]).dec();
        self.closed.with_label_values(&[reason]).inc();
    }
}

impl Deref for Metrics {
    type Target = Counts;

    fn deref(&self) -> &Counts {
        &self.0
    }
}
