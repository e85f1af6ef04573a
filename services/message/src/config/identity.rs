//! [`IdentityConfig`]: how people show who they are.

use std::{fmt, fs, path::Path, time::Duration};

use common::Secret;
use http_kit::{SettingError, settings};

use crate::token::PublicKey;

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

/// Who issues the tokens that are believed.
#[derive(Clone, Debug)]
pub enum Issuer {
    /// This service, and whoever else knows the secret.
    Own(Secret),
    /// Someone else.
    Outside {
        /// What their tokens are checked with.
        key: PublicKey,
        /// Whom their tokens must be for.
        audience: Option<String>,
    },
}

impl Issuer {
    /// The shortest secret: as long as what HMAC-SHA-256 makes of it. A short one can be guessed
    /// by whoever holds a token.
    const MIN_SECRET: usize = 32;

    /// One of the two, or a secret that is made in the data folder.
    pub(super) fn parse(
        secret: Option<Secret>,
        pem: Option<Pem>,
        audience: Option<String>,
        data_dir: &Path,
    ) -> Result<Self, SettingError> {
        match (secret, pem) {
            (Some(_), Some(_)) => Err(SettingError::hidden(
                "JWT_SECRET",
                "JWT_PUBLIC_KEY is set too, and tokens have one issuer: set one of them",
            )),
            (None, Some(pem)) => {
                let key = PublicKey::parse(&pem.text);
                let key = key.map_err(|error| SettingError::hidden(pem.variable, error))?;
                Ok(Self::Outside { key, audience })
            }
            (_, None) if audience.is_some() => Err(SettingError::hidden(
                "JWT_AUDIENCE",
                "only tokens of an outside issuer are checked for it: set JWT_PUBLIC_KEY too",
            )),
            (Some(secret), None) if secret.bytes().len() < Self::MIN_SECRET => {
                Err(SettingError::hidden("JWT_SECRET", "must have at least 32 characters"))
            }
            (Some(secret), None) => Ok(Self::Own(secret)),
            (None, None) => Ok(Self::Own(settings::generated_secret(data_dir, "jwt.secret")?)),
        }
    }
}

/// A key as text, and where it came from.
pub(super) struct Pem {
    variable: &'static str,
    text: String,
}

/// Reads `JWT_PUBLIC_KEY`, in which line breaks may be written as `\n`, or its file.
pub(super) fn pem(text: Option<String>, file: Option<&Path>) -> Result<Option<Pem>, SettingError> {
    if let Some(text) = text {
        let text = text.replace("\\n", "\n");
        return Ok(Some(Pem { variable: "JWT_PUBLIC_KEY", text }));
    }
    let Some(file) = file else {
        return Ok(None);
    };
    let variable = "JWT_PUBLIC_KEY_FILE";
    let text = fs::read_to_string(file).map_err(|error| {
        SettingError::new(variable, file.display(), format!("it cannot be read ({error})"))
    })?;
    Ok(Some(Pem { variable, text }))
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
