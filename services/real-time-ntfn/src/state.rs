//! [`AppState`]: what routes are handed.

use std::{sync::Arc, time::Duration};

use http_kit::{Connections, InternalHop, OriginPolicy, TrustedProxies};

use crate::{
    hub::Hub,
    log::{feed::Feed, upstream::Upstream},
    metrics::Metrics,
    opening::{admission::Admission, identity::Identity, resume::Resume},
    people::{delivery::Delivery, presence::Presence, telling::Telling},
    ws::Talk,
};

/// What handlers work with.
pub struct AppState {
    /// Where events meet streams.
    pub hub: Hub,
    /// The end of the event log.
    pub feed: Feed,
    /// Where streams begin.
    pub resume: Arc<Resume>,
    /// Whose they are.
    pub identity: Arc<Identity>,
    /// Who is connected.
    pub presence: Presence,
    /// Tells those who are connected what is in no log.
    pub telling: Telling,
    /// The message service.
    pub upstream: Upstream,
    /// How many streams there may be.
    pub admission: Admission,
    /// Who is connected, and who is refused all the time.
    pub connections: Connections,
    /// Who may call `/notify`.
    pub hop: InternalHop,
    /// Which web pages may connect.
    pub origins: OriginPolicy,
    /// Whose `X-Forwarded-For` is believed.
    pub proxies: TrustedProxies,
    /// Time between two heartbeats on a stream.
    pub heartbeat: Duration,
    /// Time between two pings on a WebSocket.
    pub ping: Duration,
    /// How clients talk.
    pub talk: Talk,
    /// What has been written to whom.
    pub delivery: Delivery,
    /// Counts.
    pub metrics: Metrics,
}
