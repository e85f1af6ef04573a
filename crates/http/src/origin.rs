//! [`OriginPolicy`]: which web pages may call.

use std::collections::HashSet;

use actix_cors::Cors;
use actix_web::{
    HttpRequest,
    http::{
        StatusCode,
        header::{HOST, HeaderName, ORIGIN},
    },
};

use crate::{
    host, nameless,
    rejection::Rejection,
    settings::{AuthMode, SettingError},
};

/// Which web pages may call: an exact list, and never "whoever asks".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OriginPolicy {
    /// Open mode without a list: pages from this machine; and pages opened from a file, whose
    /// origin is `null`, for what is nobody's ([`Nameless`](crate::nameless::Nameless)). A page from
    /// elsewhere in the world stays out, also under a name of its own that it has led here
    /// ([`guard`](Self::guard)).
    Local,
    /// Exactly these origins, besides the service's own.
    List(HashSet<String>),
    /// The same in open mode, where whoever reaches the service may read everything: it answers
    /// under the names of these origins, and those that are always this machine's
    /// ([`guard`](Self::guard)).
    Named(HashSet<String>),
    /// The page of the service next door: of the same host, on this port.
    Neighbour(u16),
    /// `*`: every page, but without cookies.
    Any,
}

impl OriginPolicy {
    /// Reads `ALLOWED_ORIGINS`: origins separated by commas, or `*`.
    pub fn parse(text: Option<&str>, mode: AuthMode) -> Result<Self, SettingError> {
        let text = text.unwrap_or_default().trim();
        match (text, mode) {
            ("", AuthMode::Open) => return Ok(Self::Local),
            ("*", _) => return Ok(Self::Any),
            _ => {}
        }
        let mut list = HashSet::new();
        for origin in text.split(',').map(str::trim).filter(|origin| !origin.is_empty()) {
            let well_formed = origin == "null"
                || origin.split_once("://").is_some_and(|(scheme, host)| {
                    matches!(scheme, "http" | "https") && !host.is_empty() && !host.contains('/')
                });
            if !well_formed {
                return Err(SettingError::new(
                    "ALLOWED_ORIGINS",
                    origin,
                    "list origins such as https://chat.example.org, separated by commas",
                ));
            }
            list.insert(origin.to_ascii_lowercase());
        }
        Ok(match mode {
            AuthMode::Open => Self::Named(list),
            AuthMode::Required => Self::List(list),
        })
    }

    /// Without a list that names others, admits the page that a neighbour serves on its port, so that
    /// two services on one host need no list.
    pub fn or_neighbour(self, port: Option<u16>) -> Self {
        match (self, port) {
            (Self::List(list), Some(port)) if list.is_empty() => Self::Neighbour(port),
            (policy, _) => policy,
        }
    }

    /// Whether a page of this origin may call a service that is reached as `host`.
    pub fn allows(&self, origin: &str, host: Option<&str>) -> bool {
        is_own(origin, host)
            || match self {
                Self::Any => true,
                Self::List(list) | Self::Named(list) => list.contains(&origin.to_ascii_lowercase()),
                Self::Local => origin == nameless::ORIGIN || is_loopback(origin),
                Self::Neighbour(port) => host.is_some_and(|host| is_next_door(origin, host, *port)),
            }
    }

    /// The origin of the page that makes a request, if it has one and may call.
    pub fn allowed_origin<'a>(&self, request: &'a HttpRequest) -> Option<&'a str> {
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        let origin = header(ORIGIN).filter(|origin| *origin != nameless::ORIGIN)?;
        self.allows(origin, header(HOST)).then_some(origin)
    }

    /// Whether a request is of a page without an origin, which nobody has named.
    pub fn is_nameless(&self, request: &HttpRequest) -> bool {
        let origin = request.headers().get(ORIGIN);
        *self == Self::Local && origin.is_some_and(|origin| origin == nameless::ORIGIN)
    }

    /// Whether the service may be reached by this name: where whoever reaches it reads everything,
    /// a page may have led a name of its own here.
    pub(crate) fn answers_as(&self, host: &str) -> bool {
        match self {
            Self::Local => host::is_local(host),
            Self::Named(list) => {
                let name = host::name(host);
                host::is_local(host)
                    || list
                        .iter()
                        .filter_map(|origin| origin.split_once("://"))
                        .any(|(_, named)| host::name(named).eq_ignore_ascii_case(name))
            }
            Self::List(_) | Self::Neighbour(_) | Self::Any => true,
        }
    }

    /// Refuses a request that a page of a foreign origin makes. CORS alone does not: it only
    /// keeps the page from reading the answer. An image in a page sends no origin, but says that it
    /// is of another site.
    pub fn check(&self, request: &HttpRequest) -> Result<(), Rejection> {
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        match header(ORIGIN) {
            Some(origin) if !self.allows(origin, header(HOST)) => Err(Rejection::new(
                StatusCode::FORBIDDEN,
                "origin_not_allowed",
                format!("pages of {origin} may not call: add it to ALLOWED_ORIGINS"),
            )),
            None if matches!(header(SEC_FETCH_SITE), Some("cross-site" | "same-site")) => {
                Err(Rejection::new(
                    StatusCode::FORBIDDEN,
                    "origin_not_allowed",
                    "pages of other origins may call with an EventSource, a WebSocket or fetch only",
                ))
            }
            _ => Ok(()),
        }
    }

    /// Refuses a request that a page makes with the cookie of its user, unless the page is the
    /// service's own, or named: `*` and `null` name nobody.
    ///
    /// The cookie is `SameSite=Strict`, but a site is all ports and subdomains of a name.
    pub fn check_with_cookie(&self, request: &HttpRequest) -> Result<(), Rejection> {
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        let allowed = match (header(ORIGIN), header(SEC_FETCH_SITE)) {
            (Some(nameless::ORIGIN), _) | (None, Some("cross-site")) => false,
            (Some(origin), _) => match self {
                Self::Any => is_own(origin, header(HOST)),
                Self::List(_) | Self::Named(_) | Self::Local | Self::Neighbour(_) => {
                    self.allows(origin, header(HOST))
                }
            },
            // No browser sends a request that changes something without either.
            (None, _) => true,
        };
        if allowed {
            return Ok(());
        }
        Err(Rejection::new(
            StatusCode::FORBIDDEN,
            "origin_not_allowed",
            "pages of other origins may not act with the cookie: add the page's origin to \
             ALLOWED_ORIGINS, or send the token in Authorization",
        ))
    }

    /// The middleware that answers preflight requests and lets allowed pages read the answers.
    pub fn cors(&self) -> Cors {
        let exposed = ["x-has-more", "x-event-cursor", "x-request-id", "idempotency-replayed"]
            .map(HeaderName::from_static);
        let cors = Cors::default()
            .allowed_methods(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
            // Libraries add headers of their own; what decides is the page's origin.
            .allow_any_header()
            .expose_headers(exposed)
            .expose_headers(["link", "location", "retry-after"])
            .expose_headers(["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"])
            .max_age(3600);
        match self {
            Self::Any => cors.allow_any_origin().send_wildcard(),
            Self::Local | Self::List(_) | Self::Named(_) | Self::Neighbour(_) => {
                let policy = self.clone();
                cors.allowed_origin_fn(move |origin, head| {
                    let host = head.headers().get(HOST).and_then(|host| host.to_str().ok());
                    origin.to_str().is_ok_and(|origin| policy.allows(origin, host))
                })
                .supports_credentials()
            }
        }
    }
}

/// Whether a page was loaded over http from this port of `host`, whose own port does not matter.
fn is_next_door(origin: &str, host: &str, port: u16) -> bool {
    let name = host::name(host);
    let next_door =
        if port == 80 { format!("http://{name}") } else { format!("http://{name}:{port}") };
    origin.eq_ignore_ascii_case(&next_door)
}

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether a page was loaded from the service itself, which is reached as `host`.
fn is_own(origin: &str, host: Option<&str>) -> bool {
    host.is_some_and(|host| {
        origin.split_once("://").is_some_and(|(_, from)| from.eq_ignore_ascii_case(host))
    })
}

fn is_loopback(origin: &str) -> bool {
    let Some(("http" | "https", host)) = origin.split_once("://") else {
        return false;
    };
    host::is_localhost(host)
        || host::address(host::name(host)).is_some_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_list_open_mode_admits_this_machine_and_files() {
        let policy = OriginPolicy::parse(None, AuthMode::Open).unwrap();
        for origin in [
            "null",
            "http://localhost:5173",
            "http://127.0.0.1",
            "https://[::1]:8080",
            "http://app.localhost:5500",
            "http://LOCALHOST",
        ] {
            assert!(policy.allows(origin, None), "{origin}");
        }
        for origin in [
            "https://evil.example",
            "http://localhost.evil.example",
            "http://127.0.0.1.evil.example",
            "file://localhost",
            "http://notlocalhost",
            "http://app.localhost.evil.example",
            "",
        ] {
            assert!(!policy.allows(origin, None), "{origin}");
        }
    }

    #[test]
    fn a_list_is_matched_exactly_and_the_own_origin_always() {
        let policy =
            OriginPolicy::parse(Some("https://app.example, http://b.example:81"), AuthMode::Open)
                .unwrap();
        assert!(policy.allows("https://app.example", None));
        assert!(policy.allows("http://b.example:81", None));
        assert!(policy.allows("http://chat.example:8080", Some("chat.example:8080")));
        for origin in [
            "null",
            "http://app.example",
            "https://app.example:444",
            "https://evil-app.example",
            "https://app.example.evil",
            "http://b.example",
        ] {
            assert!(!policy.allows(origin, Some("chat.example:8080")), "{origin}");
        }
    }

    #[test]
    fn the_page_next_door_needs_no_list() {
        let policy = OriginPolicy::parse(None, AuthMode::Required).unwrap();
        let policy = policy.or_neighbour(Some(8080));
        assert!(policy.allows("http://chat.example:8080", Some("chat.example:8081")));
        assert!(policy.allows("http://[::1]:8080", Some("[::1]:8081")));
        for (origin, host) in [
            ("http://chat.example:8082", "chat.example:8081"),
            ("https://chat.example:8080", "chat.example:8081"),
            ("http://chat.example", "chat.example:8081"),
            ("http://evil.example:8080", "chat.example:8081"),
            ("http://chat.example.evil:8080", "chat.example:8081"),
            ("null", "chat.example:8081"),
        ] {
            assert!(!policy.allows(origin, Some(host)), "{origin}");
        }
        let policy = OriginPolicy::parse(Some("https://app.example"), AuthMode::Required).unwrap();
        let policy = policy.or_neighbour(Some(8080));
        assert!(!policy.allows("http://chat.example:8080", Some("chat.example:8081")));
    }

    #[test]
    fn a_list_that_cannot_match_is_refused() {
        for text in ["app.example", "https://app.example/", "ftp://a", "https://"] {
            let error = OriginPolicy::parse(Some(text), AuthMode::Open).unwrap_err();
            assert!(error.to_string().contains("ALLOWED_ORIGINS"), "{text}");
        }
    }
}
