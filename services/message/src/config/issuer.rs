//! [`Issuer`]: who issues the tokens that are believed.

use std::{fmt, fs, path::Path};

use common::Secret;
use http_kit::{SettingError, settings};
use jsonwebtoken::{Algorithm, DecodingKey};

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

/// The key of an outside issuer, and the one algorithm that it is for.
#[derive(Clone)]
pub struct PublicKey {
    algorithm: Algorithm,
    key: DecodingKey,
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

impl PublicKey {
    /// Reads a PEM file with an Ed25519 key, for EdDSA, or an RSA key, for RS256.
    pub fn parse(pem: &str) -> Result<Self, &'static str> {
        if pem.contains("PRIVATE KEY") {
            return Err("this is a private key, which belongs to the issuer alone: \
                        give the public one");
        }
        let pem = pem.as_bytes();
        let ed = DecodingKey::from_ed_pem(pem).map(|key| (Algorithm::EdDSA, key));
        let (algorithm, key) = ed
            .or_else(|_| DecodingKey::from_rsa_pem(pem).map(|key| (Algorithm::RS256, key)))
            .map_err(|_| "give a public key as PEM: Ed25519 (for EdDSA) or RSA (for RS256)")?;
        Ok(Self { algorithm, key })
    }

    /// The one algorithm.
    pub(crate) const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// What signatures are checked with.
    pub(crate) const fn key(&self) -> &DecodingKey {
        &self.key
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a key for {:?}", self.algorithm)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({:?})", self.algorithm)
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
