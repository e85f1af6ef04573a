//! [`Secret`]: what the services share to trust each other on the internal hop.

use std::{
    fmt, fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// A shared secret. Its `Debug` hides it, so that it cannot slip into a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

/// Why there is no usable secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Too short to resist guessing.
    #[error("must have at least {} characters", Secret::MIN_LENGTH)]
    Short,
    /// The file cannot be read or made.
    #[error("cannot use {path}: {cause}")]
    File {
        /// The file in question.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
}

impl Secret {
    /// Shorter secrets are refused: 16 bytes are 128 bits at best.
    pub const MIN_LENGTH: usize = 16;

    /// Takes a secret as configured; white space around it, such as a file's last newline, is
    /// not part of it.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let text = text.trim();
        if text.len() < Self::MIN_LENGTH {
            return Err(SecretError::Short);
        }
        Ok(Self(text.as_bytes().to_vec()))
    }

    /// Reads the secret from a file.
    pub fn read(path: &Path) -> Result<Self, SecretError> {
        let text = fs::read_to_string(path).map_err(|cause| file_error(path, cause))?;
        Self::parse(&text)
    }

    /// Reads the secret from a file, or makes the file (readable by its owner only) when it is
    /// not there yet.
    ///
    /// Both services may do this at once: the file appears under its name only when it is whole,
    /// and whoever comes second reads what the first has written.
    pub fn read_or_create(path: &Path) -> Result<Self, SecretError> {
        match Self::read(path) {
            Err(SecretError::File { cause, .. }) if cause.kind() == io::ErrorKind::NotFound => {}
            result => return result,
        }
        create(path).map_err(|cause| file_error(path, cause))?;
        Self::read(path)
    }

    /// Whether this is what someone says it is. Takes as long for a near miss as for any other.
    pub fn is(&self, given: &str) -> bool {
        let digest = |bytes: &[u8]| Sha256::digest(bytes);
        digest(&self.0).ct_eq(&digest(given.as_bytes())).into()
    }

    /// Eight digits by which those who have this secret know each other, for one use of them. They may
    /// be seen by anybody.
    pub fn mark(&self, of: &str) -> String {
        let mut mac = self.mac();
        mac.update(format!("mark\n{of}").as_bytes());
        hex::encode(&mac.finalize().into_bytes()[..4])
    }

    /// A code that only those can make who have this secret.
    pub(crate) fn mac(&self) -> Hmac<Sha256> {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
        Hmac::new_from_slice(&self.0).expect("any key length")
    }

    /// The bytes to key a signature with.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

fn file_error(path: &Path, cause: io::Error) -> SecretError {
    SecretError::File { path: path.to_owned(), cause }
}

fn create(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let whole = path.with_extension(format!("{:016x}", rand::random::<u64>()));
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&whole)?;
    writeln!(file, "{}", hex::encode(rand::random::<[u8; 32]>()))?;
    file.sync_all()?;
    // A hard link fails when the name is taken, where a rename would replace the other's secret.
    let linked = fs::hard_link(&whole, path);
    fs::remove_file(&whole)?;
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_at_once_agree_on_one_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/internal.secret");
        let secrets: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..16).map(|_| scope.spawn(|| Secret::read_or_create(&path).unwrap())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(secrets.windows(2).all(|pair| pair[0] == pair[1]));
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn short_secrets_are_refused_and_none_is_shown() {
        assert!(matches!(Secret::parse("  short  "), Err(SecretError::Short)));
        let secret = Secret::parse("0123456789abcdef\n").unwrap();
        assert_eq!(format!("{secret:?}"), "Secret(hidden)");
        assert_eq!(secret.bytes(), b"0123456789abcdef");
        assert!(secret.is("0123456789abcdef") && !secret.is("0123456789abcdeF") && !secret.is(""));
    }
}
