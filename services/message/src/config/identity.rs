//! [`IdentityConfig`]: how people show who they are.

use std::{fmt, time::Duration};

use common::Secret;

use super::issuer::Issuer;

/// How people show who they are.
#[derive(Clone, Debug)]
pub struct IdentityConfig {
    /// Who issues tokens.
    pub issuer: Issuer,
    /// The operator's bearer token, if there is one.
    pub admin_token: Option<Secret>,
    /// How long a sign-in lasts.
    pub token_ttl: Duration,
    /// Sign-ins and registrations a minute for one address.
    pub sign_in_rate: u32,
}

impl fmt::Display for IdentityConfig {
    /// One `NAME=value` a line, secrets hidden.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.issuer {
            Issuer::Own(_) => writeln!(f, "JWT_SECRET=(hidden)")?,
            Issuer::Outside { key, audience } => {
                writeln!(f, "JWT_PUBLIC_KEY=({key})")?;
                writeln!(f, "JWT_AUDIENCE={}", audience.as_deref().unwrap_or("(anyone)"))?;
            }
        }
        let operator = if self.admin_token.is_some() { "(hidden)" } else { "(none)" };
        writeln!(f, "ADMIN_TOKEN={operator}")?;
        writeln!(f, "TOKEN_TTL_SECS={}", self.token_ttl.as_secs())?;
        writeln!(f, "SIGN_IN_RATE={}", self.sign_in_rate)
    }
}
