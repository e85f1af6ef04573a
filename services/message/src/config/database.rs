//! [`Database`]: where the data are.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use http_kit::settings::{self, SettingError};
use sqlx::postgres::PgConnectOptions;

/// What may stand behind the `?`; sqlx would only log what it does not know, with its value.
const PARAMETERS: [&str; 6] =
    ["sslmode", "sslrootcert", "sslcert", "sslkey", "options", "statement-cache-capacity"];

/// Where the data are.
#[derive(Clone)]
pub enum Database {
    /// In a file of SQLite, which this process alone serves.
    File(PathBuf),
    /// On a PostgreSQL server, which others use as well: that of these which is the primary.
    Servers(Vec<PgConnectOptions>),
}

impl Database {
    /// What the connections of a service are called at the server.
    pub(crate) const SERVICE: &str = "realtalk";

    /// The same, by connections that are called something else.
    pub(crate) fn called(self, name: &str) -> Self {
        match self {
            Self::File(_) => self,
            Self::Servers(servers) => {
                let named = servers.into_iter().map(|server| server.application_name(name));
                Self::Servers(named.collect())
            }
        }
    }

    /// What `DATABASE_URL` or its file says; without either, a file in the data folder.
    pub(super) fn read(
        url: Option<&str>,
        file: Option<&Path>,
        data_dir: &Path,
    ) -> Result<Self, SettingError> {
        let servers = settings::address("DATABASE_URL", url, file, Self::parse)?;
        Ok(servers.unwrap_or_else(|| Self::File(data_dir.join("realtalk.db"))))
    }

    fn parse(url: &str) -> Result<Self, String> {
        // It may have a password, so it is not shown.
        let refuse = |why: &str| {
            let form = "postgres://USER:PASSWORD@HOST:PORT,HOST:PORT/DATABASE?sslmode=verify-full";
            format!("it is {form} ({why})")
        };
        let (scheme, rest) = url.split_once("://").ok_or_else(|| refuse("it has no scheme"))?;
        if !["postgres", "postgresql"].contains(&scheme) {
            return Err(refuse("no other database is known"));
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        let (user, hosts) = match authority.rsplit_once('@') {
            Some((user, hosts)) => (format!("{user}@"), hosts),
            None => (String::new(), authority),
        };
        // Else what follows it would be shown.
        if target.contains('@') || url.contains('#') {
            return Err(refuse(
                "write @, /, ?, # and % in a password as %40, %2F, %3F, %23 and %25",
            ));
        }
        let parameters = target.split_once('?').map_or("", |(_, parameters)| parameters);
        let mut names =
            parameters.split('&').map(|pair| pair.split('=').next().unwrap_or_default());
        if names.any(|name| !name.is_empty() && !PARAMETERS.contains(&name)) {
            return Err(refuse(&format!("of parameters there are {}", PARAMETERS.join(", "))));
        }
        let of_host = |host: &str| {
            let options = PgConnectOptions::from_str(&format!("{scheme}://{user}{host}{target}"));
            let options = options.map_err(|error| refuse(&error.to_string()))?;
            let host = options.get_host();
            let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
            let host = host.map(str::to_owned);
            let options = options.application_name(Self::SERVICE);
            Ok(match host {
                // As it is resolved.
                Some(host) => options.host(&host),
                None => options,
            })
        };
        hosts.split(',').map(of_host).collect::<Result<_, _>>().map(Self::Servers)
    }
}

impl FromStr for Database {
    type Err = String;

    /// A URL of servers, or the path of a file.
    fn from_str(text: &str) -> Result<Self, String> {
        if text.contains("://") { Self::parse(text) } else { Ok(Self::File(text.into())) }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Database {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let servers = match self {
            Self::File(path) => return write!(f, "{}", path.display()),
            Self::Servers(servers) => servers,
        };
        for (number, server) in servers.iter().enumerate() {
            let start = if number == 0 {
                format!("postgres://{}@", server.get_username())
            } else {
                ",".to_owned()
            };
            match server.get_host() {
                host if host.contains(':') => write!(f, "{start}[{host}]:{}", server.get_port())?,
                host => write!(f, "{start}{host}:{}", server.get_port())?,
            }
        }
        let first = servers.first();
        let name = first.and_then(|server| server.get_database().or(Some(server.get_username())));
        write!(f, "/{}", name.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Database, String> {
        let read = Database::read(Some(url), None, Path::new("data"));
        read.map_err(|error| error.to_string())
    }

    #[test]
    fn a_url_names_one_server_or_several_and_is_shown_without_its_password() {
        for (url, shown) in [
            ("postgres://al:secret@db/chat", "postgres://al@db:5432/chat"),
            (
                "postgresql://al:s%40e@a:1,b:2,[::1]:3/chat?sslmode=require",
                "postgres://al@a:1,b:2,[::1]:3/chat",
            ),
        ] {
            let database = parse(url).unwrap();
            assert_eq!(
                (database.to_string(), format!("{database:?}")),
                (shown.to_owned(), shown.to_owned())
            );
        }
        let data = tempfile::tempdir().unwrap();
        let file = data.path().join("url");
        std::fs::write(&file, "postgres://al:secret@db/chat\n").unwrap();
        let read =
            |file| Database::read(None, file, Path::new("data")).map(|data| data.to_string());
        assert_eq!(read(Some(&file)).unwrap(), "postgres://al@db:5432/chat");
        assert_eq!(read(None).unwrap(), "data/realtalk.db");
        assert!(read(Some(data.path())).unwrap_err().to_string().contains("DATABASE_URL_FILE"));
        for wrong in [
            "mysql://al:secret@db/chat",
            "secret",
            "postgres://al:secret@db:x/chat",
            "postgres://al:12/secret@db/chat",
            "postgres://al:se#cret@db/chat",
            "postgres://al@db/chat?pasword=secret",
        ] {
            let error = parse(wrong).unwrap_err();
            assert!(error.contains("DATABASE_URL") && !error.contains("secret"), "{error}");
        }
    }
}
