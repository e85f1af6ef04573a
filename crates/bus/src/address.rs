//! [`Address`]: where Redis is.

use std::fmt;

use redis::{Client, ConnectionInfo, IntoConnectionInfo, TlsCertificates};
use url::{ParseError, Url};

/// Plain, and with TLS; Valkey is spoken to like Redis.
const SCHEMES: [&str; 4] = ["redis", "rediss", "valkey", "valkeys"];

/// The certificate of the authority that the server's is of; without it, the public ones.
const ROOT: &str = "sslrootcert";

/// Where Redis is, and as whom it is spoken to.
#[derive(Clone)]
pub struct Address {
    pub(crate) client: Client,
    /// Without the password.
    shown: String,
}

/// What is wrong with an address. It does not show it: there may be a password in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is redis://USER:PASSWORD@HOST:PORT, or rediss:// for TLS ({0})")]
pub struct AddressError(String);

impl Address {
    /// Reads `redis://user:password@host:port`, or `rediss://` for TLS, with `?sslrootcert=FILE` where the server's
    /// certificate is of an authority of one's own.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let refuse = |why: &str| AddressError(why.to_owned());
        let mut url = Url::parse(text).map_err(|error| match error {
            ParseError::RelativeUrlWithoutBase => refuse("it has no scheme"),
            ParseError::InvalidPort => refuse("it has one host, and a number as its port"),
            error => AddressError(error.to_string()),
        })?;
        if !SCHEMES.contains(&url.scheme()) {
            return Err(refuse("the scheme is another one"));
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(refuse("it has no host"));
        }
        // Else what follows it would be shown.
        if url.fragment().is_some() || url.path().contains('@') {
            return Err(refuse(
                "write @, /, ?, # and % in a password as %40, %2F, %3F, %23 and %25",
            ));
        }
        // Redis's own tools take a user alone for a password, and it would be shown.
        if !url.username().is_empty() && url.password().is_none() {
            return Err(refuse("a password without a user is redis://:PASSWORD@HOST"));
        }
        // What is said goes by all of them, and who is online would not.
        if !url.path().trim_matches('/').is_empty() {
            return Err(refuse("there is nothing behind the port: databases are not told apart"));
        }
        let parameters: Vec<_> = url.query_pairs().into_owned().collect();
        url.set_query(None);
        let root = match parameters.as_slice() {
            [] => None,
            [(name, file)] if name == ROOT => Some(file.clone()),
            _ => return Err(refuse(&format!("of parameters there is {ROOT}"))),
        };
        let shown = shown(&url, root.as_deref());
        let info = url.into_connection_info().map_err(|error| AddressError(error.to_string()))?;
        // Else a message waits for the answer to the one before.
        let tcp = info.tcp_settings().clone().set_nodelay(true);
        let client = connect_with(info.set_tcp_settings(tcp), root.as_deref())?;
        Ok(Self { client, shown })
    }

    /// What it may be when nothing is answered.
    pub(crate) fn no_answer(&self) -> &'static str {
        match self.shown.starts_with("rediss:") || self.shown.starts_with("valkeys:") {
            true => "no answer; does the server speak TLS?",
            false => "no answer",
        }
    }
}

fn connect_with(info: ConnectionInfo, root: Option<&str>) -> Result<Client, AddressError> {
    let client = match root {
        None => Client::open(info),
        Some(file) => {
            let root = std::fs::read(file)
                .map_err(|error| AddressError(format!("{ROOT} cannot be read: {error}")))?;
            let certificates = TlsCertificates { client_tls: None, root_cert: Some(root) };
            Client::build_with_tls(info, certificates)
        }
    };
    client.map_err(|error| AddressError(error.to_string()))
}

fn shown(url: &Url, root: Option<&str>) -> String {
    let user = match url.username() {
        "" => String::new(),
        user => format!("{user}@"),
    };
    let (host, port) = (url.host_str().unwrap_or_default(), url.port().unwrap_or(6379));
    let root = root.map_or(String::new(), |file| format!("?{ROOT}={file}"));
    format!("{}://{user}{host}:{port}{root}", url.scheme())
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password() {
        for (text, shown) in [
            ("redis://localhost", "redis://localhost:6379"),
            ("redis://:secret@[::1]:7000/", "redis://[::1]:7000"),
            ("valkeys://al:se%40cret@cache:1", "valkeys://al@cache:1"),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!((address.to_string(), format!("{address:?}")), (shown.into(), shown.into()));
        }
        for wrong in [
            "secret",
            "http://al:secret@cache",
            "redis://al:se#cret@cache",
            "redis://secret@cache",
            "redis://al:12/secret@cache",
            "redis://al:secret@cache:x",
            "redis://al:secret@",
            "redis://al:secret@cache/3",
            "redis://al:secret@one:1,two:2",
            "rediss://al:secret@cache#insecure",
            "redis://al:secret@cache?pasword=secret",
            "rediss://al:secret@cache?sslrootcert=/no/such",
            "redis://al:secret@cache?sslrootcert=/etc/hostname",
        ] {
            let error = Address::parse(wrong).unwrap_err().to_string();
            assert!(!error.contains("secret") && !error.contains('\n'), "{wrong}: {error}");
        }
    }
}
