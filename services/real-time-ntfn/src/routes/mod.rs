//! The route table.

pub mod chat;
pub mod events;
pub mod notify;
pub mod presence;
pub mod ws;

use std::{sync::Arc, time::Duration};

use actix_web::web;
use http_kit::{
    InternalHop, OriginPolicy, TrustedProxies,
    request::{get, resource},
};

use crate::{
    admission::Admission, delivery::Delivery, feed::Feed, hub::Hub, identity::Identity,
    metrics::Metrics, presence::Presence, resume::Resume, upstream::Upstream, ws::Talk,
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
    /// The message service.
    pub upstream: Upstream,
    /// How many streams there may be.
    pub admission: Admission,
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

/// Registers the API.
pub fn configure(config: &mut web::ServiceConfig) {
    config
        .service(resource("/events", "GET").route(web::get().to(events::stream_events)))
        .service(resource("/presence", "GET, HEAD").route(get().to(presence::list_present)))
        .service(resource("/ws", "GET").route(web::get().to(ws::open_socket)))
        .service(resource("/sse/chat", "GET").route(web::get().to(chat::stream_chat)))
        .service(resource("/notify", "POST").route(web::post().to(notify::notify)));
}
