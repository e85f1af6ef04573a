//! [`Env`]: the settings as they are written, and their defaults.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
};

use common::telemetry::LogFormat;
use serde::Deserialize;

use super::{frames::FrameLimits, stream_engine::StreamEngine};

/// The environment variables of the notification service, as they are written.
#[derive(Debug, Deserialize)]
pub(super) struct Env {
    /// Port to listen on.
    #[serde(default = "default_port")]
    pub(super) port: u16,
    /// Address to listen on; 0.0.0.0 for every one.
    #[serde(default = "default_host")]
    pub(super) host: IpAddr,
    /// `open` or `required`; must be set unless `HOST` is a loopback address.
    pub(super) auth_mode: Option<String>,
    /// Folder of the generated secret; the message service's, on one machine.
    #[serde(default = "default_data_dir")]
    pub(super) data_dir: PathBuf,
    /// A Redis or Valkey server, `redis://…`, over which this service hears what is posted, and what others of its
    /// kind say. Without it, the message service sends requests, and each knows of its own people only.
    pub(super) redis_url: Option<String>,
    /// A file with that address.
    pub(super) redis_url_file: Option<PathBuf>,
    /// Where this service reaches the message service; several, separated by commas.
    #[serde(default = "default_message_url")]
    pub(super) message_service_url: String,
    /// The secret that both services share, 16 characters at least.
    pub(super) internal_secret: Option<String>,
    /// A file with that secret. Without either, the data folder has one.
    pub(super) internal_secret_file: Option<PathBuf>,
    /// Origins of web pages that may connect, separated by commas; `*` for all. Without any, that
    /// of the message service's page, on the same host.
    pub(super) allowed_origins: Option<String>,
    /// Proxies whose `X-Forwarded-For` is believed: addresses or networks, separated by commas.
    pub(super) trusted_proxies: Option<String>,
    /// Connections at once from one address that is neither loopback nor a trusted proxy; 0 for no
    /// limit.
    #[serde(default = "default_max_connections_per_address")]
    pub(super) max_connections_per_address: usize,
    /// Whether limits by address hold for loopback too, where a local proxy or tool may be many.
    #[serde(default)]
    pub(super) limit_loopback: bool,
    /// Streams at once; 0 for as many as the limit on open files allows.
    #[serde(default)]
    pub(super) max_streams: usize,
    /// Streams at once from one address that is not loopback; 0 for no limit.
    #[serde(default = "default_max_streams_per_address")]
    pub(super) max_streams_per_address: usize,
    /// Streams at once of one user; 0 for no limit.
    #[serde(default = "default_max_streams_per_user")]
    pub(super) max_streams_per_user: usize,
    /// `handover`: streams live in threads of their own, the way for many. `portable`: in actix.
    #[serde(default)]
    pub(super) stream_engine: StreamEngine,
    /// Events of the log kept in memory for clients that return.
    #[serde(default = "default_ring_events")]
    pub(super) ring_events: usize,
    /// Bytes that these events may take, in MiB.
    #[serde(default = "default_ring_mib")]
    pub(super) ring_mib: usize,
    /// Events that a slow client may fall behind before it is closed.
    #[serde(default = "default_backlog_events")]
    pub(super) backlog_events: u64,
    /// Bytes that a slow client may fall behind before it is closed, in KiB.
    #[serde(default = "default_backlog_kib")]
    pub(super) backlog_kib: u64,
    /// Seconds after which a client that takes nothing is closed.
    #[serde(default = "default_stall_secs")]
    pub(super) stall_secs: u64,
    /// Seconds between two heartbeats on a stream.
    #[serde(default = "default_heartbeat_secs")]
    pub(super) heartbeat_secs: u64,
    /// Seconds between two pings on a WebSocket; one that misses two is closed.
    #[serde(default = "default_ws_ping_secs")]
    pub(super) ws_ping_secs: u64,
    /// The longest message that a WebSocket's client may send, in KiB.
    #[serde(default = "default_ws_message_kib")]
    pub(super) ws_message_kib: usize,
    /// Frames a second that a WebSocket's client may send in the long run; 0 for no limit.
    #[serde(default = "default_ws_frame_rate")]
    pub(super) ws_frame_rate: u32,
    /// Frames that it may send at once.
    #[serde(default = "default_ws_frame_burst")]
    pub(super) ws_frame_burst: u32,
    /// Seconds over which streams are closed when the service stops.
    #[serde(default = "default_drain_secs")]
    pub(super) drain_secs: u64,
    /// Seconds that a client may take to send a body.
    #[serde(default = "default_body_timeout_secs")]
    pub(super) body_timeout_secs: u64,
    /// `text` or `json`.
    #[serde(default)]
    pub(super) log_format: LogFormat,
    /// What to log, in the syntax of tracing-subscriber's `EnvFilter`.
    #[serde(default = "default_rust_log")]
    pub(super) rust_log: String,
}

fn default_max_connections_per_address() -> usize {
    512
}

fn default_port() -> u16 {
    8081
}

fn default_host() -> IpAddr {
    Ipv4Addr::LOCALHOST.into()
}

fn default_data_dir() -> PathBuf {
    "data".into()
}

fn default_message_url() -> String {
    "http://localhost:8080".to_owned()
}

fn default_max_streams_per_address() -> usize {
    256
}

fn default_max_streams_per_user() -> usize {
    100
}

fn default_ring_events() -> usize {
    super::RING_EVENTS
}

fn default_ring_mib() -> usize {
    64
}

fn default_backlog_events() -> u64 {
    1_024
}

fn default_backlog_kib() -> u64 {
    1_024
}

fn default_stall_secs() -> u64 {
    30
}

fn default_heartbeat_secs() -> u64 {
    15
}

/// A client that hangs is let go after three of these at most, and its user is offline 10 s later:
/// together less than a minute.
fn default_ws_ping_secs() -> u64 {
    15
}

fn default_ws_message_kib() -> usize {
    FrameLimits::default().message_bytes / 1024
}

fn default_ws_frame_rate() -> u32 {
    FrameLimits::default().rate.per_second
}

fn default_ws_frame_burst() -> u32 {
    FrameLimits::default().rate.burst
}

fn default_drain_secs() -> u64 {
    20
}

fn default_body_timeout_secs() -> u64 {
    10
}

fn default_rust_log() -> String {
    common::telemetry::DEFAULT_FILTER.to_owned()
}
