//! [`SessionCookie`]: the cookie that carries a token, for pages.

use actix_web::{HttpRequest, http::header::HeaderValue};
use http_kit::session_cookie;

use super::Identity;

/// The cookie, as it is named and guarded on this connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionCookie<'a> {
    name: &'a str,
    https: bool,
}

impl<'a> SessionCookie<'a> {
    /// The cookie of the connection that a request came over.
    pub fn of(request: &HttpRequest, identity: &'a Identity) -> Self {
        let https = identity.proxies.is_https(request);
        Self { name: identity.cookies.name(https), https }
    }

    /// The token that a request carries in it.
    pub fn read<'r>(&self, request: &'r HttpRequest) -> Option<&'r str> {
        session_cookie::read(request, self.name)
    }

    /// `Set-Cookie` with a token, which has no characters that mean something there.
    pub fn set(&self, token: &str, seconds: u64) -> HeaderValue {
        let Self { name, https } = self;
        let secure = if *https { "; Secure" } else { "" };
        let text =
            format!("{name}={token}; HttpOnly; SameSite=Strict; Path=/; Max-Age={seconds}{secure}");
        let mut value = HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""));
        value.set_sensitive(true);
        value
    }

    /// `Set-Cookie` that removes it.
    pub fn clear(&self) -> HeaderValue {
        self.set("", 0)
    }
}
