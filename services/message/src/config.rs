//! [`Config`]: how the service is set up.

mod identity;
mod issuer;
mod shown;

use std::{
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    time::Duration,
};

use common::{Secret, telemetry::LogFormat};
use http_kit::{
    AuthMode, OriginPolicy, SettingError, TrustedProxies,
    body::BodyLimits,
    settings::{self, within},
};
use serde::Deserialize;

pub use identity::IdentityConfig;
pub use issuer::{Issuer, PublicKey};

/// The environment variables of the message service, as they are written.
#[derive(Debug, Deserialize)]
struct Env {
    /// Port to listen on.
    #[serde(default = "default_port")]
    port: u16,
    /// Address to listen on; 0.0.0.0 for every one.
    #[serde(default = "default_host")]
    host: IpAddr,
    /// `open` or `required`; must be set unless `HOST` is a loopback address.
    auth_mode: Option<String>,
    /// Folder of the database and of the generated secret.
    #[serde(default = "default_data_dir")]
    data_dir: PathBuf,
    /// `full`: an answered post survives a power cut. `relaxed`: it survives a crash of the
    /// process, but the last ones may be lost with the power.
    #[serde(default)]
    durability: Durability,
    /// Where this service reaches the notification service.
    #[serde(default = "default_notification_url")]
    notification_service_url: String,
    /// Where browsers reach the notification service. By default the host of the page, with the
    /// port of `NOTIFICATION_SERVICE_URL`.
    public_notification_url: Option<String>,
    /// The secret that both services share, 16 characters at least.
    internal_secret: Option<String>,
    /// A file with that secret. Without either, the data folder has one.
    internal_secret_file: Option<PathBuf>,
    /// What signs the tokens of this service, 32 characters at least.
    jwt_secret: Option<String>,
    /// A file with that secret. Without either, the data folder has one.
    jwt_secret_file: Option<PathBuf>,
    /// The key (PEM, Ed25519 or RSA) of an outside issuer, whose tokens are the only ones then.
    jwt_public_key: Option<String>,
    /// A file with that key.
    jwt_public_key_file: Option<PathBuf>,
    /// Whom tokens of an outside issuer must be for, in `aud`; empty: for anyone.
    jwt_audience: Option<String>,
    /// The bearer token of the operator, who may do what admins may; 16 characters at least.
    admin_token: Option<String>,
    /// A file with that token.
    admin_token_file: Option<PathBuf>,
    /// Seconds that a sign-in lasts.
    #[serde(default = "default_token_ttl_secs")]
    token_ttl_secs: u64,
    /// Sign-ins and registrations a minute that one address may try; 0 for no limit.
    #[serde(default = "default_sign_in_rate")]
    sign_in_rate: u32,
    /// Origins of web pages that may call, separated by commas; `*` for all.
    allowed_origins: Option<String>,
    /// Proxies whose `X-Forwarded-For` is believed: addresses or networks, separated by commas.
    trusted_proxies: Option<String>,
    /// The longest message, in characters: 1 to 16384.
    #[serde(default = "default_max_content_chars")]
    max_content_chars: usize,
    /// Posts and other changes a second of one address, in the long run; 0 for no limit.
    #[serde(default = "default_post_rate")]
    post_rate: u32,
    /// Posts and other changes of one address at once.
    #[serde(default = "default_post_burst")]
    post_burst: u32,
    /// Seconds that a client may take to send a body.
    #[serde(default = "default_body_timeout_secs")]
    body_timeout_secs: u64,
    /// Days that the event log is kept. A client that was away longer loads anew.
    #[serde(default = "default_event_retention_days")]
    event_retention_days: u32,
    /// `text` or `json`.
    #[serde(default)]
    log_format: LogFormat,
    /// What to log, in the syntax of tracing-subscriber's `EnvFilter`.
    #[serde(default = "default_rust_log")]
    rust_log: String,
}

/// When a post counts as stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// When it is on the disk.
    #[default]
    Full,
    /// When the system has it.
    Relaxed,
}

/// The settings in force.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address to listen on.
    pub host: IpAddr,
    /// Port to listen on.
    pub port: u16,
    /// How identities are established.
    pub auth_mode: AuthMode,
    /// Folder of the database.
    pub data_dir: PathBuf,
    /// When a post counts as stored.
    pub durability: Durability,
    /// Base address of the notification service, for this service.
    pub notification_url: String,
    /// Base address of the notification service, for browsers, if it is fixed.
    pub public_notification_url: Option<String>,
    /// What signs the internal hop.
    pub secret: Secret,
    /// How people show who they are.
    pub identity: IdentityConfig,
    /// Which web pages may call.
    pub origins: OriginPolicy,
    /// Whose `X-Forwarded-For` is believed.
    pub proxies: TrustedProxies,
    /// The longest message, in characters.
    pub max_content_chars: usize,
    /// Posts and other changes a second of one address, in the long run.
    pub post_rate: u32,
    /// Posts and other changes of one address, at once.
    pub post_burst: u32,
    /// What a request body may cost.
    pub body: BodyLimits,
    /// How long the event log is kept.
    pub event_retention: Duration,
    /// How log lines look.
    pub log_format: LogFormat,
    /// What is logged.
    pub log_filter: String,
}

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

    /// The port of the notification service, for pages that use their own host.
    pub fn notification_port(&self) -> u16 {
        let url = reqwest::Url::parse(&self.notification_url).ok();
        url.and_then(|url| url.port_or_known_default()).unwrap_or(8081)
    }

    fn new(env: Env) -> Result<Self, SettingError> {
        let data_dir = settings::folder("DATA_DIR", env.data_dir)?;
        let auth_mode = AuthMode::resolve(env.auth_mode.as_deref(), env.host)?;
        let public_notification_url = env
            .public_notification_url
            .map(|url| settings::base_url("PUBLIC_NOTIFICATION_URL", &url))
            .transpose()?;
        Ok(Self {
            host: env.host,
            port: env.port,
            auth_mode,
            durability: env.durability,
            notification_url: settings::base_url(
                "NOTIFICATION_SERVICE_URL",
                &env.notification_service_url,
            )?,
            public_notification_url,
            secret: settings::internal_secret(
                env.internal_secret.as_deref(),
                env.internal_secret_file.as_deref(),
                &data_dir,
            )?,
            identity: IdentityConfig {
                issuer: Issuer::parse(
                    settings::secret(
                        "JWT_SECRET",
                        env.jwt_secret.as_deref(),
                        env.jwt_secret_file.as_deref(),
                    )?,
                    issuer::pem(env.jwt_public_key, env.jwt_public_key_file.as_deref())?,
                    env.jwt_audience,
                    &data_dir,
                )?,
                admin_token: settings::secret(
                    "ADMIN_TOKEN",
                    env.admin_token.as_deref(),
                    env.admin_token_file.as_deref(),
                )?,
                token_ttl: Duration::from_secs(within(
                    "TOKEN_TTL_SECS",
                    env.token_ttl_secs,
                    1..=31_536_000,
                )?),
                sign_in_rate: env.sign_in_rate,
            },
            data_dir,
            origins: OriginPolicy::parse(env.allowed_origins.as_deref(), auth_mode)?,
            proxies: TrustedProxies::parse(env.trusted_proxies.as_deref())?,
            max_content_chars: within("MAX_CONTENT_CHARS", env.max_content_chars, 1..=16_384)?,
            post_rate: env.post_rate,
            post_burst: env.post_burst,
            body: BodyLimits {
                bytes: MAX_BODY_BYTES,
                timeout: Duration::from_secs(within(
                    "BODY_TIMEOUT_SECS",
                    env.body_timeout_secs,
                    1..=600,
                )?),
            },
            event_retention: Duration::from_secs(
                24 * 3600
                    * u64::from(within(
                        "EVENT_RETENTION_DAYS",
                        env.event_retention_days,
                        1..=3650,
                    )?),
            ),
            log_format: env.log_format,
            log_filter: env.rust_log,
        })
    }
}

/// The largest body: 16,384 characters of four bytes, with room for the rest of the JSON.
const MAX_BODY_BYTES: usize = 65_536 + 4_096;

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
