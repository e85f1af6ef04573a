//! Reading the environment, with errors of one line: the variable, the value, the fix.

use std::{
    fmt,
    net::IpAddr,
    path::{Path, PathBuf},
};

use common::{Secret, secret::SecretError};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingError(String);

impl SettingError {
    /// Names the variable, the value found, and what to write instead.
    pub fn new(variable: &str, value: impl fmt::Display, fix: impl fmt::Display) -> Self {
        Self(format!("{variable}={value} cannot be used: {fix}"))
    }

    /// A setting whose value is secret, or missing.
    pub fn hidden(variable: &str, fix: impl fmt::Display) -> Self {
        Self(format!("{variable} cannot be used: {fix}"))
    }
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SettingError {}

/// The variables of the environment that are text.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// Reads variables into a flat struct. One that is set to nothing counts as not set, as Compose
/// files and shells make it.
pub fn read<T: DeserializeOwned>(
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<T, SettingError> {
    let set: Vec<_> = variables.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    envy::from_iter(set.iter().cloned()).map_err(|error| name_culprit::<T>(&set, &error))
}

/// Finds the variable behind an error, which envy does not always name: it is the one without
/// which the error is gone.
fn name_culprit<T: DeserializeOwned>(
    set: &[(String, String)],
    error: &envy::Error,
) -> SettingError {
    let without = |culprit: &String| {
        envy::from_iter::<_, T>(set.iter().filter(|(name, _)| name != culprit).cloned())
    };
    let culprit = set.iter().find(|(name, _)| {
        without(name).err().is_none_or(|other| other.to_string() != error.to_string())
    });
    match culprit {
        Some((name, value)) => SettingError::new(name, value, fix(&error.to_string())),
        None => SettingError(format!("wrong setting: {error}")),
    }
}

/// What to write instead, from what the parser says.
fn fix(error: &str) -> String {
    if let Some((_, expected)) = error.split_once("expected ") {
        return format!("write {}", expected.replace('`', ""));
    }
    if error.contains("IP address") {
        return "write an IP address such as 127.0.0.1 or 0.0.0.0".to_owned();
    }
    if error.contains("number") || error.contains("digit") {
        return "write a whole number that is not too large".to_owned();
    }
    error.to_owned()
}

/// Makes a folder if it is not there: one that only this user can look into.
pub fn folder(variable: &str, path: PathBuf) -> Result<PathBuf, SettingError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(&path).map_err(|error| {
        let fix = format!("choose a folder that can be made and written to ({error})");
        SettingError::new(variable, path.display(), fix)
    })?;
    Ok(path)
}

/// How identities are established.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthMode {
    /// Taken as given: for development, and behind a proxy that authenticates.
    Open,
    /// By a token, which users get by signing in.
    Required,
}

impl AuthMode {
    /// Decides the mode for an address: open is the default on loopback only, because anybody
    /// who can connect can be anybody.
    pub fn resolve(text: Option<&str>, host: IpAddr) -> Result<Self, SettingError> {
        match text.map(str::trim) {
            None if host.is_loopback() => Ok(Self::Open),
            None => Err(SettingError::hidden(
                "AUTH_MODE",
                format!(
                    "HOST={host} can be reached by others; set AUTH_MODE=required to have them \
                     sign in, AUTH_MODE=open to let everybody who can connect post under any \
                     name, or HOST=127.0.0.1"
                ),
            )),
            Some("open") => Ok(Self::Open),
            Some("required") => Ok(Self::Required),
            Some(other) => Err(SettingError::new("AUTH_MODE", other, "write open or required")),
        }
    }
}

/// The secret of the internal hop: from `INTERNAL_SECRET`, from the file `INTERNAL_SECRET_FILE`,
/// or from `internal.secret` in the data folder, which the first service to start makes.
pub fn internal_secret(
    value: Option<&str>,
    file: Option<&Path>,
    data_dir: &Path,
) -> Result<Secret, SettingError> {
    match secret("INTERNAL_SECRET", value, file)? {
        Some(secret) => Ok(secret),
        None => generated_secret(data_dir, "internal.secret"),
    }
}

/// A secret from the variable `name`, or from the file that `name_FILE` names, if either is set.
pub fn secret(
    name: &str,
    value: Option<&str>,
    file: Option<&Path>,
) -> Result<Option<Secret>, SettingError> {
    let hidden = |name: &str, error: SecretError| SettingError::hidden(name, error);
    match (value, file) {
        (Some(value), _) => Secret::parse(value).map(Some).map_err(|error| hidden(name, error)),
        (None, Some(file)) => {
            Secret::read(file).map(Some).map_err(|error| hidden(&format!("{name}_FILE"), error))
        }
        (None, None) => Ok(None),
    }
}

/// What the variable `name` says, or the file that `name_FILE` names, if either is set, as `parse` reads it: an
/// address with a password in it, which is not shown.
pub fn address<T, E: fmt::Display>(
    name: &str,
    value: Option<&str>,
    file: Option<&Path>,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, SettingError> {
    let (name, text) = match (value, file) {
        (Some(value), _) => (name.to_owned(), value.to_owned()),
        (None, Some(file)) => {
            let name = format!("{name}_FILE");
            let text = std::fs::read_to_string(file).map_err(|error| {
                SettingError::new(&name, file.display(), format!("it cannot be read ({error})"))
            })?;
            (name, text)
        }
        (None, None) => return Ok(None),
    };
    parse(text.trim()).map(Some).map_err(|error| SettingError::hidden(&name, error))
}

/// A secret from a file of the data folder, which is made if it is not there.
pub fn generated_secret(data_dir: &Path, file: &str) -> Result<Secret, SettingError> {
    Secret::read_or_create(&data_dir.join(file))
        .map_err(|error| SettingError::new("DATA_DIR", data_dir.display(), error))
}

/// Reads the base address of a service: `http://host:port`, with or without a path, without the
/// slash at its end.
pub fn base_url(variable: &str, text: &str) -> Result<String, SettingError> {
    let text = text.trim().trim_end_matches('/');
    match reqwest::Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
            Ok(text.to_owned())
        }
        _ => {
            Err(SettingError::new(variable, text, "write an address such as http://localhost:8081"))
        }
    }
}

/// Reads the base addresses of several services, separated by commas.
pub fn base_urls(variable: &str, text: &str) -> Result<Vec<String>, SettingError> {
    text.split(',').map(|url| base_url(variable, url)).collect()
}

/// Refuses a number outside a range.
pub fn within<T: PartialOrd + fmt::Display>(
    variable: &str,
    value: T,
    range: std::ops::RangeInclusive<T>,
) -> Result<T, SettingError> {
    if range.contains(&value) {
        return Ok(value);
    }
    let fix = format!("write a number from {} to {}", range.start(), range.end());
    Err(SettingError::new(variable, value, fix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_is_the_default_on_loopback_only() {
        let resolve = |text, host: &str| AuthMode::resolve(text, host.parse().unwrap());
        assert_eq!(resolve(None, "127.0.0.1"), Ok(AuthMode::Open));
        assert_eq!(resolve(None, "::1"), Ok(AuthMode::Open));
        assert_eq!(resolve(Some("open"), "0.0.0.0"), Ok(AuthMode::Open));
        let error = resolve(None, "0.0.0.0").unwrap_err().to_string();
        assert!(error.contains("AUTH_MODE") && error.contains("0.0.0.0"), "{error}");
        assert_eq!(resolve(Some("required"), "0.0.0.0"), Ok(AuthMode::Required));
        assert!(resolve(Some("none"), "127.0.0.1").is_err());
    }

    #[test]
    fn errors_are_one_line_with_variable_value_and_fix() {
        for error in [
            base_url("NOTIFICATION_SERVICE_URL", "localhost:8081").unwrap_err(),
            within("DRAIN_SECS", 9000, 0..=3600).unwrap_err(),
            internal_secret(Some("short"), None, Path::new("/")).unwrap_err(),
            internal_secret(None, Some(Path::new("/no/such")), Path::new("/")).unwrap_err(),
        ] {
            let line = error.to_string();
            assert!(!line.contains('\n') && line.contains("cannot be used: "), "{line}");
        }
    }
}
