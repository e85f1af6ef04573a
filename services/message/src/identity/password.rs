//! [`Passwords`]: hashing, which is made to be expensive, and so is done for few at a time.

use std::{fmt, sync::Arc};

use actix_web::http::StatusCode;
use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version,
    password_hash::SaltString,
};
use http_kit::Rejection;
use prometheus::IntCounter;
use serde::Deserialize;
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization;
use utoipa::ToSchema;

/// Argon2id as OWASP has it. More memory would let fewer sign in at once on a small machine.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Hashes computed at once: each takes 19 MiB and a core.
const AT_ONCE: usize = 2;

/// Hashes computed or waited for. Behind more, a client would wait for longer than a second.
const MOST: usize = 34;

/// What the password of a user without one is compared with: nothing has this hash, and finding
/// that out takes as long as for any other.
const NOBODYS: &str = "$argon2id$v=19$m=19456,t=2,p=1$cmVhbHRhbGstbm9ib2R5$\
                       AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A password as someone typed it. Its `Debug` hides it, so that it cannot slip into a log.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = Password, min_length = 8, max_length = 256)]
pub struct Password(String);

impl Password {
    /// Whether it can be taken as a new one: 8 to 256 characters.
    pub fn check(&self) -> Result<(), Rejection> {
        match self.0.chars().count() {
            ..8 => Err(Rejection::field(
                "password",
                "password_too_short",
                "a password has at least 8 characters",
            )),
            257.. => Err(Rejection::field(
                "password",
                "password_too_long",
                "a password has at most 256 characters",
            )),
            _ => Ok(()),
        }
    }

    /// One keyboard writes é as one character, another one as two.
    fn bytes(&self) -> Vec<u8> {
        self.0.nfc().collect::<String>().into_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(hidden)")
    }
}

/// Hashes passwords, on threads where that holds nothing else up.
pub struct Passwords {
    queue: Arc<Semaphore>,
    cores: Arc<Semaphore>,
    computed: IntCounter,
}

impl Passwords {
    /// Counts in `computed`.
    pub fn new(computed: IntCounter) -> Self {
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        Self { queue: semaphore(MOST), cores: semaphore(AT_ONCE), computed }
    }

    /// The hash of a new password, with all that is needed to compare with it.
    pub async fn hash(&self, password: &Password) -> Result<String, Rejection> {
        let password = password.bytes();
        let salt = SaltString::encode_b64(&rand::random::<[u8; 16]>()).map_err(failed)?;
        self.compute(move || {
            let hash = argon2()?.hash_password(&password, &salt);
            hash.map(|hash| hash.to_string())
        })
        .await
    }

    /// Whether a password is the one with this hash. Without a hash it is not, after the same work.
    pub async fn verify(&self, password: &Password, hash: Option<&str>) -> Result<bool, Rejection> {
        let password = password.bytes();
        let hash = hash.unwrap_or(NOBODYS).to_owned();
        self.compute(move || {
            match argon2()?.verify_password(&password, &PasswordHash::new(&hash)?) {
                Err(argon2::password_hash::Error::Password) => Ok(false),
                result => result.map(|()| true),
            }
        })
        .await
    }

    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, argon2::password_hash::Error> + Send + 'static,
    ) -> Result<T, Rejection> {
        let place = self.queue.clone().try_acquire_owned().map_err(|_| {
            Rejection::unavailable("overloaded", "too many are signing in: try again", 2)
        })?;
        let core = self.cores.clone().acquire_owned().await.map_err(failed)?;
        self.computed.inc();
        tokio::task::spawn_blocking(move || {
            // Held until the work is done, even when nobody waits for it any more.
            let _held = (place, core);
            work()
        })
        .await
        .map_err(failed)?
        .map_err(failed)
    }
}

fn argon2() -> Result<Argon2<'static>, argon2::password_hash::Error> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn failed(error: impl fmt::Display) -> Rejection {
    tracing::error!(%error, "a password could not be hashed");
    Rejection::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the password was not checked")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passwords() -> Passwords {
        Passwords::new(IntCounter::new("hashes", "hashes").unwrap())
    }

    fn password(text: &str) -> Password {
        Password(text.to_owned())
    }

    #[tokio::test]
    async fn a_hash_knows_its_password_however_it_is_typed() {
        let passwords = passwords();
        let hash = passwords.hash(&password("caf\u{e9} au lait")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.verify(&password("cafe\u{301} au lait"), Some(&hash)).await.unwrap());
        assert!(!passwords.verify(&password("cafe au lait"), Some(&hash)).await.unwrap());
        assert_ne!(hash, passwords.hash(&password("caf\u{e9} au lait")).await.unwrap());
    }

    #[tokio::test]
    async fn nobodys_password_takes_the_same_work() {
        let nobodys = PasswordHash::new(NOBODYS).unwrap();
        let params = Params::try_from(&nobodys).unwrap();
        assert_eq!(
            (params.m_cost(), params.t_cost(), params.p_cost()),
            (MEMORY_KIB, PASSES, LANES)
        );
        let passwords = passwords();
        assert!(!passwords.verify(&password("whatever"), None).await.unwrap());
        assert_eq!(passwords.computed.get(), 1);
    }

    #[tokio::test]
    async fn whoever_finds_the_queue_full_is_asked_to_come_back() {
        let passwords = passwords();
        let taken = passwords.queue.clone().acquire_many_owned(MOST as u32).await.unwrap();
        let refused = passwords.verify(&password("whatever"), None).await.unwrap_err();
        assert_eq!((refused.status().as_u16(), refused.code()), (503, "overloaded"));
        drop(taken);
        assert!(passwords.verify(&password("whatever"), None).await.is_ok());
        assert_eq!(passwords.computed.get(), 1);
    }

    #[test]
    fn new_passwords_have_8_to_256_characters_and_none_is_shown() {
        for (length, ok) in [(0, false), (7, false), (8, true), (256, true), (257, false)] {
            assert_eq!(password(&"é".repeat(length)).check().is_ok(), ok, "{length}");
        }
        assert_eq!(format!("{:?}", password("secret")), "Password(hidden)");
    }
}
