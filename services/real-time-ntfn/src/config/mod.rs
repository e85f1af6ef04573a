//! [`Config`]: how the service is set up.

mod env;
mod frames;
mod stream_engine;

use std::{fmt, net::IpAddr, time::Duration};

use common::{Secret, internal::MAX_BODY, telemetry::LogFormat};
use http_kit::{
    AuthMode, OriginPolicy, SettingError, TrustedProxies,
    body::BodyLimits,
    connections,
    settings::{self, within},
};

use env::Env;
pub use frames::{FrameLimits, FrameRate};
pub use stream_engine::StreamEngine;

/// The settings in force.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address to listen on.
    pub host: IpAddr,
    /// Port to listen on.
    pub port: u16,
    /// How identities are established.
    pub auth_mode: AuthMode,
    /// The Redis server over which instances hear of each other, if there is one.
    pub bus: Option<bus::Address>,
    /// Base addresses of the message services; at least one.
    pub message_urls: Vec<String>,
    /// What signs the internal hop.
    pub secret: Secret,
    /// Which web pages may connect, as it is configured; see [`pages`](Config::pages).
    pub origins: OriginPolicy,
    /// Whose `X-Forwarded-For` is believed.
    pub proxies: TrustedProxies,
    /// What connections may take.
    pub connections: connections::Bounds,
    /// Streams at once; 0 for as many as the limit on open files allows.
    pub max_streams: usize,
    /// Streams at once from one address; 0 for no limit.
    pub max_streams_per_address: usize,
    /// Streams at once of one user; 0 for no limit.
    pub max_streams_per_user: usize,
    /// Where streams are run.
    pub engine: StreamEngine,
    /// What the ring may hold.
    pub ring: RingLimits,
    /// How far a slow client may fall behind.
    pub backlog: Backlog,
    /// Time between two heartbeats on a stream.
    pub heartbeat: Duration,
    /// Time between two pings on a WebSocket.
    pub ping: Duration,
    /// What a WebSocket's client may send.
    pub frames: FrameLimits,
    /// Time over which streams are closed when the service stops.
    pub drain: Duration,
    /// What a request body may cost.
    pub body: BodyLimits,
    /// How log lines look.
    pub log_format: LogFormat,
    /// What is logged.
    pub log_filter: String,
}

/// Events of the log that the ring holds by default: as many as are loaded at a start.
pub const RING_EVENTS: usize = 8_192;

/// What the ring may hold; beyond it the oldest events go.
#[derive(Clone, Copy, Debug)]
pub struct RingLimits {
    /// Events of the log.
    pub events: usize,
    /// Bytes of their encoded form, and of their audiences.
    pub bytes: usize,
}

/// How far a client may fall behind before it is closed; it resumes by id.
#[derive(Clone, Copy, Debug)]
pub struct Backlog {
    /// Events.
    pub events: u64,
    /// Bytes of their encoded form.
    pub bytes: u64,
}

/// The longest message of a WebSocket, in KiB: the message service gets it as a string in JSON, where
/// a byte becomes at most six, with the name of who sent it.
const MAX_MESSAGE_KIB: usize = MAX_BODY / 8 / 1024;

impl Config {
    /// Reads the environment. Makes the data folder's secret if none is configured.
    pub fn from_env() -> Result<Self, SettingError> {
        Self::from_variables(settings::environment())
    }

    /// Reads the variables given, and no others.
    pub fn from_variables(
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, SettingError> {
        Self::new(settings::read(variables)?)
    }

    /// Whether `POST /notify` is accepted without a signature: only where nobody but this
    /// machine's own programs can call, and identities are taken as given anyway.
    pub fn accepts_unsigned(&self) -> bool {
        self.auth_mode == AuthMode::Open && self.host.is_loopback()
    }

    /// Which web pages may connect: those named, or else the one that the message service serves on
    /// the same host.
    pub fn pages(&self) -> OriginPolicy {
        let first = self.message_urls.first();
        let message_url = first.and_then(|url| reqwest::Url::parse(url).ok());
        let port = message_url.and_then(|url| url.port_or_known_default());
        self.origins.clone().or_neighbour(port)
    }

    fn new(env: Env) -> Result<Self, SettingError> {
        let auth_mode = AuthMode::resolve(env.auth_mode.as_deref(), env.host)?;
        let seconds =
            |name, value, least| within(name, value, least..=3_600).map(Duration::from_secs);
        Ok(Self {
            host: env.host,
            port: env.port,
            auth_mode,
            bus: settings::address(
                "REDIS_URL",
                env.redis_url.as_deref(),
                env.redis_url_file.as_deref(),
                bus::Address::parse,
            )?,
            message_urls: settings::base_urls("MESSAGE_SERVICE_URL", &env.message_service_url)?,
            secret: settings::internal_secret(
                env.internal_secret.as_deref(),
                env.internal_secret_file.as_deref(),
                &env.data_dir,
            )?,
            origins: OriginPolicy::parse(env.allowed_origins.as_deref(), auth_mode)?,
            proxies: TrustedProxies::parse(env.trusted_proxies.as_deref())?,
            connections: connections::Bounds {
                per_address: env.max_connections_per_address,
                limits_loopback: env.limit_loopback,
                stall: seconds("STALL_SECS", env.stall_secs, 1)?,
                send_buffer: SEND_BUFFER,
            },
            max_streams: env.max_streams,
            max_streams_per_address: env.max_streams_per_address,
            max_streams_per_user: env.max_streams_per_user,
            engine: env.stream_engine,
            ring: RingLimits {
                events: within("RING_EVENTS", env.ring_events, 1..=16_777_216)?,
                bytes: within("RING_MIB", env.ring_mib, 1..=65_536)? * 1024 * 1024,
            },
            backlog: Backlog {
                events: within("BACKLOG_EVENTS", env.backlog_events, 1..=1_000_000)?,
                bytes: within("BACKLOG_KIB", env.backlog_kib, 1..=1_048_576)? * 1024,
            },
            heartbeat: seconds("HEARTBEAT_SECS", env.heartbeat_secs, 1)?,
            ping: seconds("WS_PING_SECS", env.ws_ping_secs, 1)?,
            frames: FrameLimits {
                message_bytes: within("WS_MESSAGE_KIB", env.ws_message_kib, 1..=MAX_MESSAGE_KIB)?
                    * 1024,
                rate: FrameRate {
                    per_second: env.ws_frame_rate,
                    burst: within("WS_FRAME_BURST", env.ws_frame_burst, 1..=1_000_000)?,
                },
            },
            drain: seconds("DRAIN_SECS", env.drain_secs, 0)?,
            body: BodyLimits {
                bytes: MAX_BODY,
                timeout: seconds("BODY_TIMEOUT_SECS", env.body_timeout_secs, 1)?,
            },
            log_format: env.log_format,
            log_filter: env.rust_log,
        })
    }
}

/// Unsent bytes that the system keeps for one client. What does not fit stays in the ring, where
/// it is shared.
const SEND_BUFFER: usize = 64 * 1024;

impl fmt::Display for Config {
    /// One `NAME=value` a line, secrets hidden: the answer of `check-config`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "HOST={}", self.host)?;
        writeln!(f, "PORT={}", self.port)?;
        writeln!(f, "AUTH_MODE={:?}", self.auth_mode)?;
        match &self.bus {
            Some(bus) => writeln!(f, "REDIS_URL={bus}")?,
            None => writeln!(f, "REDIS_URL=(none: who is online is what this instance sees)")?,
        }
        writeln!(f, "MESSAGE_SERVICE_URL={}", self.message_urls.join(","))?;
        writeln!(f, "INTERNAL_SECRET=(hidden)")?;
        writeln!(f, "ALLOWED_ORIGINS={:?}", self.pages())?;
        writeln!(f, "TRUSTED_PROXIES={:?}", self.proxies)?;
        writeln!(f, "MAX_CONNECTIONS_PER_ADDRESS={}", self.connections.per_address)?;
        writeln!(f, "LIMIT_LOOPBACK={}", self.connections.limits_loopback)?;
        writeln!(f, "MAX_STREAMS={}", self.max_streams)?;
        writeln!(f, "MAX_STREAMS_PER_ADDRESS={}", self.max_streams_per_address)?;
        writeln!(f, "MAX_STREAMS_PER_USER={}", self.max_streams_per_user)?;
        writeln!(f, "STREAM_ENGINE={:?}", self.engine)?;
        writeln!(f, "RING_EVENTS={}", self.ring.events)?;
        writeln!(f, "RING_MIB={}", self.ring.bytes / 1024 / 1024)?;
        writeln!(f, "BACKLOG_EVENTS={}", self.backlog.events)?;
        writeln!(f, "BACKLOG_KIB={}", self.backlog.bytes / 1024)?;
        writeln!(f, "STALL_SECS={}", self.connections.stall.as_secs())?;
        writeln!(f, "HEARTBEAT_SECS={}", self.heartbeat.as_secs())?;
        writeln!(f, "WS_PING_SECS={}", self.ping.as_secs())?;
        writeln!(f, "WS_MESSAGE_KIB={}", self.frames.message_bytes / 1024)?;
        writeln!(f, "WS_FRAME_RATE={}", self.frames.rate.per_second)?;
        writeln!(f, "WS_FRAME_BURST={}", self.frames.rate.burst)?;
        writeln!(f, "DRAIN_SECS={}", self.drain.as_secs())?;
        writeln!(f, "BODY_TIMEOUT_SECS={}", self.body.timeout.as_secs())?;
        writeln!(f, "LOG_FORMAT={:?}", self.log_format)?;
        writeln!(f, "RUST_LOG={}", self.log_filter)
    }
}
