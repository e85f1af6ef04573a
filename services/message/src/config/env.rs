//! [`Env`]: the settings as they are written, and their defaults.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
};

use common::telemetry::LogFormat;
use serde::Deserialize;

use super::Durability;

/// The environment variables of the message service, as they are written.
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
    /// Folder of the database and of the generated secret.
    #[serde(default = "default_data_dir")]
    pub(super) data_dir: PathBuf,
    /// A PostgreSQL server, `postgres://…`. Without it, the data are in a file of the data folder.
    pub(super) database_url: Option<String>,
    /// A file with that address.
    pub(super) database_url_file: Option<PathBuf>,
    /// `full`: an answered post survives a power cut. `relaxed`: it survives a crash of the
    /// process, but the last ones may be lost with the power.
    #[serde(default)]
    pub(super) durability: Durability,
    /// A Redis or Valkey server, `redis://…`, over which all notification services are told; those that are named are
    /// not told by requests then.
    pub(super) redis_url: Option<String>,
    /// A file with that address.
    pub(super) redis_url_file: Option<PathBuf>,
    /// Where this service reaches the notification service; several, separated by commas.
    #[serde(default = "default_notification_url")]
    pub(super) notification_service_url: String,
    /// Where browsers reach the notification service. By default the host of the page, with the
    /// port of `NOTIFICATION_SERVICE_URL`.
    pub(super) public_notification_url: Option<String>,
    /// The secret that both services share, 16 characters at least.
    pub(super) internal_secret: Option<String>,
    /// A file with that secret. Without either, the data folder has one.
    pub(super) internal_secret_file: Option<PathBuf>,
    /// What signs the tokens of this service, 32 characters at least.
    pub(super) jwt_secret: Option<String>,
    /// A file with that secret. Without either, the data folder has one.
    pub(super) jwt_secret_file: Option<PathBuf>,
    /// The key (PEM, Ed25519 or RSA) of an outside issuer, whose tokens are the only ones then.
    pub(super) jwt_public_key: Option<String>,
    /// A file with that key.
    pub(super) jwt_public_key_file: Option<PathBuf>,
    /// Whom tokens of an outside issuer must be for, in `aud`; empty: for anyone.
    pub(super) jwt_audience: Option<String>,
    /// The bearer token of the operator, who may do what admins may; 16 characters at least.
    pub(super) admin_token: Option<String>,
    /// A file with that token.
    pub(super) admin_token_file: Option<PathBuf>,
    /// Seconds that a sign-in lasts.
    #[serde(default = "default_token_ttl_secs")]
    pub(super) token_ttl_secs: u64,
    /// Sign-ins and registrations a minute that one address may try; 0 for no limit.
    #[serde(default = "default_sign_in_rate")]
    pub(super) sign_in_rate: u32,
    /// Origins of web pages that may call, separated by commas; `*` for all.
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
    /// Seconds after which a client that takes nothing of its answer is closed.
    #[serde(default = "default_stall_secs")]
    pub(super) stall_secs: u64,
    /// The longest message, in characters: 1 to 16384.
    #[serde(default = "default_max_content_chars")]
    pub(super) max_content_chars: usize,
    /// Posts and other changes a second of one address, in the long run; 0 for no limit.
    #[serde(default = "default_post_rate")]
    pub(super) post_rate: u32,
    /// Posts and other changes of one address at once.
    #[serde(default = "default_post_burst")]
    pub(super) post_burst: u32,
    /// Seconds that a client may take to send a body.
    #[serde(default = "default_body_timeout_secs")]
    pub(super) body_timeout_secs: u64,
    /// Days that the event log is kept. A client that was away longer loads anew.
    #[serde(default = "default_event_retention_days")]
    pub(super) event_retention_days: u32,
    /// `text` or `json`.
    #[serde(default)]
    pub(super) log_format: LogFormat,
    /// What to log, in the syntax of tracing-subscriber's `EnvFilter`.
    #[serde(default = "default_rust_log")]
    pub(super) rust_log: String,
}

fn default_stall_secs() -> u64 {
    30
}

fn default_max_connections_per_address() -> usize {
    512
}

fn default_port() -> u16 {
    8080
}

fn default_host() -> IpAddr {
    Ipv4Addr::LOCALHOST.into()
}

fn default_data_dir() -> PathBuf {
    "data".into()
}

fn default_notification_url() -> String {
    "http://localhost:8081".to_owned()
}

fn default_token_ttl_secs() -> u64 {
    604_800
}

fn default_sign_in_rate() -> u32 {
    60
}

fn default_max_content_chars() -> usize {
    4_000
}

fn default_post_rate() -> u32 {
    100
}

fn default_post_burst() -> u32 {
    1_000
}

fn default_body_timeout_secs() -> u64 {
    10
}

fn default_event_retention_days() -> u32 {
    7
}

fn default_rust_log() -> String {
    common::telemetry::DEFAULT_FILTER.to_owned()
}
