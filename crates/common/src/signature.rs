//! Signatures on the internal hop: HMAC-SHA256 over time, method, path and body.
//!
//! The layout follows Standard Webhooks: the time is part of what is signed, so that an old
//! request cannot be sent again later. Method and path are signed too, so that a signed empty
//! body for one path is worth nothing on another.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::secret::Secret;

/// The request header that carries the signature: `t=<unix seconds>,v1=<hex>`.
pub const HEADER: &str = "x-realtalk-signature";

/// How far the clocks of the two services may differ.
pub const TOLERANCE: Duration = Duration::from_secs(300);

/// Why a signature was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The header is not of the form `t=…,v1=…`.
    #[error("the signature header is not of the form t=<unix seconds>,v1=<hex>")]
    Malformed,
    /// Signed too long ago, or in the future.
    #[error("the signature's time is more than 300 s off: compare the clocks of the services")]
    Stale,
    /// Made with another secret or for another request.
    #[error("the signature does not match: both services need the same INTERNAL_SECRET")]
    Mismatch,
}

/// Signs a request as of now; returns the value for [`HEADER`].
///
/// `target` is the path with its query, as it stands in the request line.
pub fn sign(secret: &Secret, method: &str, target: &str, body: &[u8]) -> String {
    sign_at(secret, unix_now(), method, target, body)
}

/// Checks the value of [`HEADER`] against a request, in constant time.
pub fn verify(
    secret: &Secret,
    header: &str,
    method: &str,
    target: &str,
    body: &[u8],
) -> Result<(), SignatureError> {
    let (time, code) = header
        .strip_prefix("t=")
        .and_then(|rest| rest.split_once(",v1="))
        .ok_or(SignatureError::Malformed)?;
    let time: u64 = time.parse().map_err(|_| SignatureError::Malformed)?;
    let code = hex::decode(code).map_err(|_| SignatureError::Malformed)?;
    if unix_now().abs_diff(time) > TOLERANCE.as_secs() {
        return Err(SignatureError::Stale);
    }
    mac(secret, time, method, target, body)
        .verify_slice(&code)
        .map_err(|_| SignatureError::Mismatch)
}

fn sign_at(secret: &Secret, time: u64, method: &str, target: &str, body: &[u8]) -> String {
    let code = mac(secret, time, method, target, body).finalize().into_bytes();
    format!("t={time},v1={}", hex::encode(code))
}

fn mac(secret: &Secret, time: u64, method: &str, target: &str, body: &[u8]) -> Hmac<Sha256> {
    let mut mac = secret.mac();
    // The body comes last, so no byte of it can pass for another part.
    mac.update(format!("{time}\n{method}\n{target}\n").as_bytes());
    mac.update(body);
    mac
}

fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_signed_request_passes() {
        let secret = Secret::parse("0123456789abcdef").unwrap();
        let other = Secret::parse("fedcba9876543210").unwrap();
        let header = sign(&secret, "POST", "/notify", b"{}");
        assert_eq!(verify(&secret, &header, "POST", "/notify", b"{}"), Ok(()));
        let mismatch = Err(SignatureError::Mismatch);
        assert_eq!(verify(&other, &header, "POST", "/notify", b"{}"), mismatch);
        assert_eq!(verify(&secret, &header, "GET", "/notify", b"{}"), mismatch);
        assert_eq!(verify(&secret, &header, "POST", "/notify?a", b"{}"), mismatch);
        assert_eq!(verify(&secret, &header, "POST", "/notify", b"{ }"), mismatch);
    }

    #[test]
    fn old_and_malformed_signatures_are_refused() {
        let secret = Secret::parse("0123456789abcdef").unwrap();
        // Of one that is ahead, time may pass before it is looked at.
        let now = unix_now();
        for time in [now - 100_000, now - 301, now + 1_000, now + 100_000] {
            let header = sign_at(&secret, time, "GET", "/", b"");
            assert_eq!(verify(&secret, &header, "GET", "/", b""), Err(SignatureError::Stale));
        }
        for header in ["", "t=1", "t=x,v1=00", "v1=00,t=1", "t=-1,v1=00", "t=1,v1=zz"] {
            assert_eq!(
                verify(&secret, header, "GET", "/", b""),
                Err(SignatureError::Malformed),
                "{header}"
            );
        }
    }
}
