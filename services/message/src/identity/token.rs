//! [`Tokens`]: JSON Web Tokens, issued here or elsewhere.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::internal::UserRef;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{chat::username::Username, config::Issuer};

/// A longer token is not looked at: ours have some 200 bytes, an outside issuer's rarely 2,000.
const MAX_BYTES: usize = 8_192;

/// By how many seconds the clock of an issuer may be ahead of this one, or behind it.
const LEEWAY: u64 = 5;

/// By how much a clock may have been set back since a token was issued here, in seconds: a day.
const SET_BACK: u64 = 86_400;

/// The last second of the year 9999; what ends later never ends.
const LATEST: u64 = 253_402_300_799;

/// Why a token is not believed. The caller is not told: it would help only those who forge.
#[derive(Debug, thiserror::Error)]
#[error("the token is not valid: {0}")]
pub struct TokenError(&'static str);

/// Issues tokens, and checks them. The algorithm is fixed by the key, never by the token, and a
/// key that a token brings along is not looked at.
pub struct Tokens {
    key: DecodingKey,
    validation: Validation,
    own: Option<EncodingKey>,
    ttl: Duration,
}

/// A token that was issued.
pub struct Issued {
    /// The token.
    pub token: String,
    /// When it ends, in seconds since 1970.
    pub expires_at: u64,
}

/// What a valid token says.
#[derive(Clone, Debug, PartialEq)]
pub struct Proof {
    /// Who it is for.
    pub name: Username,
    /// When it ends, in seconds since 1970.
    pub expires_at: u64,
    /// When it was issued, in seconds since 1970.
    pub issued_at: Option<f64>,
    /// Of which epoch of the user's sessions it is, if it was issued here.
    pub epoch: Option<u64>,
    /// Whether an outside issuer says that the user is an admin.
    pub admin: bool,
}

#[derive(Serialize)]
struct OwnClaims<'a> {
    sub: &'a str,
    iat: u64,
    exp: u64,
    epoch: u64,
}

/// As anyone may write them: numbers may have fractions, and what is not ours may be anything.
#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: f64,
    iat: Option<f64>,
    epoch: Option<Value>,
    role: Option<Value>,
    admin: Option<Value>,
}

impl Tokens {
    /// Believes this issuer, and no other. Own tokens last for `ttl`.
    pub fn new(issuer: &Issuer, ttl: Duration) -> Self {
        let (key, own, algorithm, audience) = match issuer {
            Issuer::Own(secret) => (
                DecodingKey::from_secret(secret.bytes()),
                Some(EncodingKey::from_secret(secret.bytes())),
                Algorithm::HS256,
                None,
            ),
            Issuer::Outside { key, audience } => {
                (key.key().clone(), None, key.algorithm(), audience.as_ref())
            }
        };
        let mut validation = Validation::new(algorithm);
        // Own tokens are judged by the clock that dated them, and end when their streams do.
        validation.leeway = if own.is_some() { 0 } else { LEEWAY };
        validation.validate_nbf = true;
        validation.set_required_spec_claims(&["exp", "sub"]);
        match audience {
            Some(audience) => {
                validation.set_audience(&[audience]);
                validation.set_required_spec_claims(&["exp", "sub", "aud"]);
            }
            None => validation.validate_aud = false,
        }
        Self { key, validation, own, ttl }
    }

    /// Whether tokens are issued here.
    pub const fn are_own(&self) -> bool {
        self.own.is_some()
    }

    /// How long own tokens last.
    pub const fn ttl(&self) -> Duration {
        self.ttl
    }

    /// A token for a user; an outside issuer's are not ours to make.
    pub fn issue(&self, user: &UserRef, epoch: u64) -> Result<Issued, TokenError> {
        let key = self.own.as_ref().ok_or(TokenError("they are issued elsewhere"))?;
        let iat = now();
        let exp = iat + self.ttl.as_secs();
        let claims = OwnClaims { sub: &user.name, iat, exp, epoch };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, key)
            .map_err(|_| TokenError("it cannot be signed"))?;
        Ok(Issued { token, expires_at: exp })
    }

    /// What a token says, if it is to be believed.
    pub fn verify(&self, token: &str) -> Result<Proof, TokenError> {
        if token.len() > MAX_BYTES {
            return Err(TokenError("it is too long"));
        }
        let claims = jsonwebtoken::decode::<Claims>(token, &self.key, &self.validation)
            .map_err(|_| TokenError("its form, signature or time is wrong"))?
            .claims;
        let name = Username::parse(&claims.sub).map_err(|_| TokenError("sub is not a name"))?;
        let epoch = match claims.epoch {
            Some(epoch) if self.are_own() => {
                Some(epoch.as_u64().ok_or(TokenError("epoch is not a number"))?)
            }
            // Whatever it means to an outside issuer, it is not an epoch of ours.
            _ => None,
        };
        let is_of_future = claims.iat.is_some_and(|iat| iat > (now() + LEEWAY) as f64);
        if is_of_future && epoch.is_none() {
            // It would outlive every sign-out until then. With an epoch it is good though the clock was
            // set back since.
            return Err(TokenError("it comes from the future"));
        }
        let latest = now() + self.ttl.as_secs() + SET_BACK;
        if self.are_own() && claims.exp > latest as f64 {
            // Issued while the clock was ahead by more than clocks are set back: it would last until then.
            return Err(TokenError("it would last too long"));
        }
        let says_admin = claims.role == Some("admin".into()) || claims.admin == Some(true.into());
        Ok(Proof {
            name,
            // A cast of floats saturates.
            expires_at: (claims.exp as u64).min(LATEST),
            issued_at: claims.iat,
            epoch,
            admin: says_admin && !self.are_own(),
        })
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
