//! [`Config`] as `check-config` shows it.

use std::fmt;

use super::Config;

impl fmt::Display for Config {
    /// One `NAME=value` a line, secrets hidden: the answer of `check-config`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "HOST={}", self.host)?;
        writeln!(f, "PORT={}", self.port)?;
        writeln!(f, "AUTH_MODE={:?}", self.auth_mode)?;
        writeln!(f, "DATA_DIR={}", self.data_dir.display())?;
        writeln!(f, "DATABASE_URL={}", self.database)?;
        writeln!(f, "DURABILITY={:?}", self.durability)?;
        match &self.bus {
            Some(bus) => writeln!(f, "REDIS_URL={bus}")?,
            None => writeln!(f, "REDIS_URL=(none: the notification services below are told)")?,
        }
        writeln!(f, "NOTIFICATION_SERVICE_URL={}", self.notification_urls.join(","))?;
        let public = self.public_notification_url.as_deref();
        writeln!(f, "PUBLIC_NOTIFICATION_URL={}", public.unwrap_or("(the host of the page)"))?;
        writeln!(f, "INTERNAL_SECRET=(hidden)")?;
        write!(f, "{}", self.identity)?;
        writeln!(f, "ALLOWED_ORIGINS={:?}", self.origins)?;
        writeln!(f, "TRUSTED_PROXIES={:?}", self.proxies)?;
        writeln!(f, "MAX_CONNECTIONS_PER_ADDRESS={}", self.connections.per_address)?;
        writeln!(f, "LIMIT_LOOPBACK={}", self.connections.limits_loopback)?;
        writeln!(f, "STALL_SECS={}", self.connections.stall.as_secs())?;
        writeln!(f, "MAX_CONTENT_CHARS={}", self.max_content_chars)?;
        writeln!(f, "POST_RATE={}", self.post_rate)?;
        writeln!(f, "POST_BURST={}", self.post_burst)?;
        writeln!(f, "BODY_TIMEOUT_SECS={}", self.body.timeout.as_secs())?;
        writeln!(f, "EVENT_RETENTION_DAYS={}", self.event_retention.as_secs() / 24 / 3600)?;
        writeln!(f, "LOG_FORMAT={:?}", self.log_format)?;
        writeln!(f, "RUST_LOG={}", self.log_filter)
    }
}
