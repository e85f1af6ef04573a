//! [`Config`]: how the service is set up.

mod database;
mod env;
mod identity;
mod issuer;
mod shown;

use std::{net::IpAddr, path::PathBuf, time::Duration};

use common::{Secret, telemetry::LogFormat};
use http_kit::{
    AuthMode, OriginPolicy, SettingError, TrustedProxies,
    body::BodyLimits,
    connections,
    settings::{self, within},
};
use serde::Deserialize;

pub use database::Database;
use env::Env;
pub use identity::IdentityConfig;
pub use issuer::{Issuer, PublicKey};

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
    /// Where the data are.
    pub database: Database,
    /// When a post counts as stored.
    pub durability: Durability,
    /// The Redis server over which notification services are told, if there is one.
    pub bus: Option<bus::Address>,
    /// Base addresses of the notification services, for this service; at least one.
    pub notification_urls: Vec<String>,
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
    /// What connections may take.
    pub connections: connections::Bounds,
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
        let first = self.notification_urls.first();
        let url = first.and_then(|url| reqwest::Url::parse(url).ok());
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
            bus: settings::address(
                "REDIS_URL",
                env.redis_url.as_deref(),
                env.redis_url_file.as_deref(),
                bus::Address::parse,
            )?,
            notification_urls: settings::base_urls(
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
            database: Database::read(
                env.database_url.as_deref(),
                env.database_url_file.as_deref(),
                &data_dir,
            )?,
            data_dir,
            origins: OriginPolicy::parse(env.allowed_origins.as_deref(), auth_mode)?,
            proxies: TrustedProxies::parse(env.trusted_proxies.as_deref())?,
            connections: connections::Bounds {
                per_address: env.max_connections_per_address,
                limits_loopback: env.limit_loopback,
                stall: Duration::from_secs(within("STALL_SECS", env.stall_secs, 1..=3_600)?),
                send_buffer: SEND_BUFFER,
            },
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

/// Unsent bytes that the system keeps for one client: enough for a fast way that is long.
const SEND_BUFFER: usize = 256 * 1024;

/// The largest body: 16,384 characters of four bytes, with room for the rest of the JSON.
const MAX_BODY_BYTES: usize = 65_536 + 4_096;
