//! [`SessionCookie`]: the cookie that carries a token, for pages.

use actix_web::{
    HttpRequest,
    http::header::{COOKIE, HeaderValue},
};
use http_kit::TrustedProxies;

/// The cookie, as it is named and guarded on this connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionCookie {
    https: bool,
}

impl SessionCookie {
    /// The cookie of the connection that a request came over.
    pub fn of(request: &HttpRequest, proxies: &TrustedProxies) -> Self {
        Self { https: proxies.is_https(request) }
    }

    /// Its name. Over HTTPS no page of a subdomain, and nobody on a plain connection, can set one
    /// with the prefix.
    pub const fn name(self) -> &'static str {
        if self.https { "__Host-realtalk_session" } else { "realtalk_session" }
    }

    /// The token that a request carries in it.
    pub fn read(self, request: &HttpRequest) -> Option<&str> {
        request
            .headers()
            .get_all(COOKIE)
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(name, _)| *name == self.name())
            .map(|(_, token)| token.trim_matches('"'))
            .filter(|token| !token.is_empty())
    }

    /// `Set-Cookie` with a token, which has no characters that mean something there.
    pub fn set(self, token: &str, seconds: u64) -> HeaderValue {
        let secure = if self.https { "; Secure" } else { "" };
        let name = self.name();
        let text =
            format!("{name}={token}; HttpOnly; SameSite=Strict; Path=/; Max-Age={seconds}{secure}");
        let mut value = HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""));
        value.set_sensitive(true);
        value
    }

    /// `Set-Cookie` that removes it.
    pub fn clear(self) -> HeaderValue {
        self.set("", 0)
    }
}
