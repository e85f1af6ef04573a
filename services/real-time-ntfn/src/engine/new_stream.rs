//! [`NewStream`]: all that a stream needs to run, wherever it does.

use std::{collections::VecDeque, time::Duration};

use common::EventId;

use crate::{
    event::frame::Frame, hub::Subscriber, metrics::Metrics, opening::admission::Permit,
    people::delivery::Delivery, ws::Talk,
};

/// All that a stream needs to run.
pub struct NewStream {
    /// What is sent before anything of the hub's.
    pub preface: VecDeque<Frame>,
    /// The last event addressed to its user in there.
    pub preface_up_to: Option<EventId>,
    /// Its place in the hub.
    pub subscriber: Subscriber,
    /// Its place among the admitted.
    pub permit: Permit,
    /// The name it goes by in the log.
    pub client_id: String,
    /// Time between two heartbeats, or pings.
    pub heartbeat: Duration,
    /// If its client talks, too.
    pub talk: Option<Talk>,
    /// Where it is noted what was written to its user.
    pub delivery: Delivery,
    /// Counts.
    pub metrics: Metrics,
}
